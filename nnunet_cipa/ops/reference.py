"""The selective scan as its equation reads: what every other backend is measured against."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanArguments, ScanTraits


def usable() -> tuple[bool, str]:
    """Say whether the backend can run on this machine, and why."""
    return True, "plain PyTorch loop over the sequence, for checks"


def unsupported(traits: ScanTraits) -> str | None:  # noqa: ARG001 - every backend answers the same question
    """Say why the backend cannot take such a call, or None."""
    return None


def selective_scan_reference(arguments: ScanArguments) -> tuple[Tensor, Tensor]:
    """Scan step by step; differentiable any number of times by torch itself.

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t;  y_t = C_t h_t + D u_t
    (Gu and Dao 2023, arXiv 2312.00752, algorithm 2).

    Returns
    -------
    tuple of Tensor
        y (b, d, l) and the last state (b, d, n), both in the type of the computation.
    """
    u, delta, A, B, C, D, delta_bias, delta_softplus = arguments.converted()
    channels, length = u.shape[1:]
    dt = delta if delta_bias is None else delta + delta_bias[:, None]
    if delta_softplus:
        dt = F.softplus(dt)
    # Products and sums only: a matrix product would be rounded to half precision under autocast.
    state = torch.zeros(*u.shape[:2], A.shape[1], dtype=u.dtype, device=u.device)
    outputs = []
    for t in range(length):
        step = dt[:, :, t, None]
        state = torch.exp(step * A) * state + step * u[:, :, t, None] * _at(B, t, channels)
        outputs.append((state * _at(C, t, channels)).sum(-1))
    y = torch.stack(outputs, dim=-1) if outputs else torch.zeros_like(u)
    if D is not None:
        y = y + D[:, None] * u
    return y, state


def _at(matrix: Tensor, t: int, channels: int) -> Tensor:
    """Take B or C (b, groups, n, l or 1) at one step, for every channel: (b, d, n)."""
    column = matrix[..., t if matrix.shape[-1] > 1 else 0]
    return column.repeat_interleave(channels // matrix.shape[1], dim=1)
