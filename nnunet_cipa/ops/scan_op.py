"""The scan as one operator of torch, so that autocast, torch.compile and DDP see a single node."""

from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import ScanArguments
from nnunet_cipa.ops.registry import autocast_devices, scan_of


@torch.library.custom_op("nnunet_cipa::selective_scan", mutates_args=())
def scan_op(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Scan with the backend of that name.

    Arguments are those of ``ScanArguments``. Returns y (b, d, l) and the last state (b, d, n) in the type of
    the computation, and what the backend keeps for its backward pass.
    """
    arguments = ScanArguments(u, delta, A, B, C, D, delta_bias, delta_softplus)
    y, last_state, saved = scan_of(backend).forward(arguments)
    # A copy, since a backend may return a view of what it keeps.
    return y.contiguous(), last_state.clone(memory_format=torch.contiguous_format), saved


@scan_op.register_fake
def _(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    arguments = ScanArguments(u, delta, A, B, C, D, delta_bias, delta_softplus)
    y = torch.empty(u.shape, dtype=arguments.compute_dtype, device=u.device)
    last_state = y.new_empty(u.shape[0], u.shape[1], A.shape[1])
    return y, last_state, y.new_empty(scan_of(backend).saved_shape(arguments))


@torch.library.custom_op("nnunet_cipa::selective_scan_backward", mutates_args=())
def scan_backward_op(
    grad_y: Tensor,
    grad_last_state: Tensor,
    saved: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, delta, A, B, C, D and delta_bias in their types.

    An operator cannot return None: an argument that was not given has an empty tensor as its gradient.
    """
    arguments = ScanArguments(u, delta, A, B, C, D, delta_bias, delta_softplus)
    gradients = scan_of(backend).backward(grad_y, grad_last_state, saved, arguments)
    inputs = (u, delta, A, B, C, D, delta_bias)
    du, ddelta, dA, dB, dC, dD, dbias = (
        grad_y.new_empty(0) if x is None or grad is None else grad.to(x.dtype).contiguous()
        for x, grad in zip(inputs, gradients, strict=True)
    )
    return du, ddelta, dA, dB, dC, dD, dbias


@scan_backward_op.register_fake
def _(
    grad_y: Tensor,
    grad_last_state: Tensor,  # noqa: ARG001 - the operator's signature
    saved: Tensor,  # noqa: ARG001 - the operator's signature
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,  # noqa: ARG001 - the operator's signature
    backend: str,  # noqa: ARG001 - the operator's signature
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    du, ddelta, dA, dB, dC, dD, dbias = (
        grad_y.new_empty(0) if x is None else x.new_empty(x.shape) for x in (u, delta, A, B, C, D, delta_bias)
    )
    return du, ddelta, dA, dB, dC, dD, dbias


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, ctx.delta_softplus, ctx.backend = inputs
    ctx.save_for_backward(output[2], *tensors)


def _differentiate(ctx: Any, grad_y: Tensor, grad_last_state: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    saved, *tensors = ctx.saved_tensors
    gradients = scan_backward_op(grad_y, grad_last_state, saved, *tensors, ctx.delta_softplus, ctx.backend)
    return (
        *(None if x is None else grad for x, grad in zip(tensors, gradients, strict=True)),
        None,
        None,
    )


scan_op.register_autograd(_differentiate, setup_context=_keep)
for _device_type in autocast_devices():
    scan_op.register_autocast(_device_type, torch.float32)
