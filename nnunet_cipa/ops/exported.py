"""The selective scan in operators that exporters know: one loop over the sequence, whatever its length."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanArguments


def selective_scan_exported(arguments: ScanArguments) -> tuple[Tensor, Tensor]:
    """Scan as ``selective_scan_reference`` does, for torch.export and torch.onnx.export: ONNX has it as one Scan.

    Returns
    -------
    tuple of Tensor
        y (b, d, l) and the last state (b, d, n), both in the type of the computation.
    """
    from torch._higher_order_ops.scan import scan  # noqa: PLC0415 - torch's own, public nowhere else yet

    u, delta, A, B, C, D, delta_bias, delta_softplus = arguments.converted()
    channels, length = u.shape[1:]
    dt = delta if delta_bias is None else delta + delta_bias[:, None]
    if delta_softplus:
        dt = F.softplus(dt)

    def step(state: Tensor, at: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        dt, input_, b, c = at
        state = torch.exp(dt[:, :, None] * A) * state + input_[:, :, None] * _for_channels(b, channels)
        return state, (state * _for_channels(c, channels)).sum(-1)

    start = torch.zeros(*u.shape[:2], A.shape[1], dtype=u.dtype, device=u.device)
    sequences = (dt, dt * u, *(matrix.expand(*matrix.shape[:3], length) for matrix in (B, C)))
    time_first = tuple(sequence.movedim(-1, 0).contiguous() for sequence in sequences)
    last_state, outputs = scan(step, start, time_first, dim=0)
    y = outputs.movedim(0, -1)
    return (y if D is None else y + D[:, None] * u), last_state


def _for_channels(matrix: Tensor, channels: int) -> Tensor:
    """Give every channel its group's part of B or C at one step: (b, groups, n) to (b, d, n)."""
    return matrix[:, :, None].expand(-1, -1, channels // matrix.shape[1], -1).flatten(1, 2)
