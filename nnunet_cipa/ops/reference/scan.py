"""The selective scan as its equation reads: what every other backend is measured against."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanArguments


def selective_scan_reference(arguments: ScanArguments) -> tuple[Tensor, Tensor]:
    """Scan step by step; differentiable any number of times by torch itself.

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t;  y_t = C_t h_t + D u_t
    (Gu and Dao 2023, arXiv 2312.00752, algorithm 2).

    Returns
    -------
    tuple of Tensor
        y (b, d, l) and the last state (b, d, n), both in the type of the computation.
    """
    u, _, A, B, C, D, _, _ = arguments = arguments.converted()
    dt = step_sizes(arguments)
    state = first_state(arguments)
    outputs = []
    for t in range(u.shape[2]):
        b, c = (matrix[..., t if matrix.shape[-1] > 1 else 0] for matrix in (B, C))
        state, output = advance(state, A, dt[:, :, t], dt[:, :, t] * u[:, :, t], b, c)
        outputs.append(output)
    y = torch.stack(outputs, dim=-1) if outputs else torch.zeros_like(u)
    return (y if D is None else y + D[:, None] * u), state


def step_sizes(arguments: ScanArguments) -> Tensor:
    """Return dt (b, d, l): delta with its bias, through softplus if that is asked for."""
    dt = arguments.delta if arguments.delta_bias is None else arguments.delta + arguments.delta_bias[:, None]
    return F.softplus(dt) if arguments.delta_softplus else dt


def first_state(arguments: ScanArguments) -> Tensor:
    """Return the state (b, d, n) before the first step: zeros."""
    u = arguments.u
    return torch.zeros(*u.shape[:2], arguments.A.shape[1], dtype=u.dtype, device=u.device)


def advance(state: Tensor, A: Tensor, dt: Tensor, input_: Tensor, B: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """Take one step: state (b, d, n), dt and dt u (b, d), B and C (b, groups, n), to the next state and C h (b, d)."""
    # Products and sums only: a matrix product would be rounded to half precision under autocast.
    state = torch.exp(dt[:, :, None] * A) * state + input_[:, :, None] * _for_channels(B, len(A))
    return state, (state * _for_channels(C, len(A))).sum(-1)


def _for_channels(matrix: Tensor, channels: int) -> Tensor:
    """Give every channel its group's part of B or C at one step: (b, groups, n) to (b, d, n)."""
    return matrix[:, :, None].expand(-1, -1, channels // matrix.shape[1], -1).flatten(1, 2)
