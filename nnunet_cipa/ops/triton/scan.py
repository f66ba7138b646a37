"""The scan of sequences by the Triton kernels."""

from contextlib import nullcontext

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import Gradients, ScanArguments
from nnunet_cipa.ops.triton.layout import chunks_of, divide


def saved_shape(arguments: ScanArguments) -> tuple[int, ...]:
    """Shape of what the forward pass keeps: the state before each chunk."""
    return (chunks_of(arguments), *arguments.u.shape[:2], arguments.A.shape[1])


def forward(arguments: ScanArguments, *, reverse: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (b, d, l), the last state (b, d, n) and the state before each chunk.

    With ``reverse`` every sequence is walked from its end to its start, and the last state is that at its start.
    """
    from nnunet_cipa.ops.triton.launch import Scan  # noqa: PLC0415 - imports Triton, which not every machine has

    scan = Scan(arguments, divide(arguments, backward=False), reverse=reverse)
    y, saved = scan.empty(*arguments.u.shape), scan.empty_states()
    if y.numel() == 0:
        return y, scan.empty(*saved.shape[1:]).zero_(), saved
    last_state = scan.empty(*saved.shape[1:])
    with device_of(y):
        scan.forward(y, saved, last_state)
    return y, last_state, saved


def backward(
    grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments, *, reverse: bool = False
) -> Gradients:
    """Return the gradients of u, delta, A, B, C, D and delta_bias, in float32."""
    from nnunet_cipa.ops.triton.launch import Scan  # noqa: PLC0415 - imports Triton, which not every machine has

    division = divide(arguments, backward=True)
    scan = Scan(arguments, division, reverse=reverse)
    u, delta = scan.empty(*arguments.u.shape), scan.empty(*arguments.u.shape)
    A = scan.empty_states()
    B, C = (
        scan.empty(division.splits, *x.shape) if arguments.varies(x) else scan.empty_states()
        for x in (arguments.B, arguments.C)
    )
    D, bias = scan.empty(*A.shape[:3]), scan.empty(*A.shape[:3])
    if u.numel():
        with device_of(u):
            scan.backward(grad_y.contiguous(), grad_last_state.contiguous(), saved, (u, delta, A, B, C, D, bias))
    grad_B, grad_C = (
        sums.sum(0) if arguments.varies(x) else sums.sum(0)[..., None]
        for x, sums in ((arguments.B, B), (arguments.C, C))
    )
    return (
        u,
        delta,
        A.sum((0, 1)),
        grad_B,
        grad_C,
        None if arguments.D is None else D.sum((0, 1)),
        None if arguments.delta_bias is None else bias.sum((0, 1)),
    )


def device_of(tensor: Tensor) -> "torch.cuda.device | nullcontext[None]":
    """Make the tensor's GPU the current one, on which Triton launches."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
