"""The selective scan in operators that exporters know: one loop over the sequence, whatever its length."""

from torch import Tensor

from nnunet_cipa.ops.arguments import ScanArguments
from nnunet_cipa.ops.reference.scan import advance, first_state, step_sizes


def selective_scan_exported(arguments: ScanArguments) -> tuple[Tensor, Tensor]:
    """Scan as ``selective_scan_reference`` does, for torch.export and torch.onnx.export: ONNX has it as one Scan.

    Returns
    -------
    tuple of Tensor
        y (b, d, l) and the last state (b, d, n), both in the type of the computation.
    """
    from torch._higher_order_ops.scan import scan  # noqa: PLC0415 - torch's own, public nowhere else yet

    u, _, A, B, C, D, _, _ = arguments = arguments.converted()
    dt = step_sizes(arguments)
    sequences = (dt, dt * u, *(matrix.expand(*matrix.shape[:3], u.shape[2]) for matrix in (B, C)))
    time_first = tuple(sequence.movedim(-1, 0).contiguous() for sequence in sequences)
    last_state, outputs = scan(lambda state, at: advance(state, A, *at), first_state(arguments), time_first, dim=0)
    y = outputs.movedim(0, -1)
    return (y if D is None else y + D[:, None] * u), last_state
