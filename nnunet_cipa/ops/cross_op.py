"""The four-direction scan as one operator of torch, so that autocast, torch.compile and DDP see a single node."""

from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.registry import autocast_devices, cross_scan_of, reads_half


@torch.library.custom_op("nnunet_cipa::cross_scan", mutates_args=())
def cross_op(
    x: Tensor,
    projections: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    keep: bool,
    backend: str,
) -> tuple[Tensor, Tensor]:
    """Scan with the backend of that name.

    Arguments are those of ``CrossArguments``, and whether to keep what the backward pass needs. Returns
    y (b, h, w, d) in the type of the computation, and what was kept.
    """
    return cross_scan_of(backend).forward(CrossArguments(x, projections, dt_proj, dt_bias, A, D), keep)


@cross_op.register_fake
def _(
    x: Tensor,
    projections: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    keep: bool,
    backend: str,
) -> tuple[Tensor, Tensor]:
    arguments = CrossArguments(x, projections, dt_proj, dt_bias, A, D)
    y = torch.empty(x.shape, dtype=arguments.compute_dtype, device=x.device)
    return y, y.new_empty(cross_scan_of(backend).saved_shape(arguments, keep))


@torch.library.custom_op("nnunet_cipa::cross_scan_backward", mutates_args=())
def cross_backward_op(
    grad_y: Tensor,
    saved: Tensor,
    x: Tensor,
    projections: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, projections, dt_proj, dt_bias, A and D in their types."""
    arguments = CrossArguments(x, projections, dt_proj, dt_bias, A, D)
    gradients = cross_scan_of(backend).backward(grad_y, saved, arguments)
    by_x, by_projections, by_dt_proj, by_dt_bias, by_A, by_D = (
        grad.to(tensor.dtype).contiguous() for tensor, grad in zip(arguments, gradients, strict=True)
    )
    return by_x, by_projections, by_dt_proj, by_dt_bias, by_A, by_D


@cross_backward_op.register_fake
def _(
    grad_y: Tensor,  # noqa: ARG001 - the operator's signature
    saved: Tensor,  # noqa: ARG001 - the operator's signature
    x: Tensor,
    projections: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    backend: str,  # noqa: ARG001 - the operator's signature
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    by_x, by_projections, by_dt_proj, by_dt_bias, by_A, by_D = (
        tensor.new_empty(tensor.shape) for tensor in (x, projections, dt_proj, dt_bias, A, D)
    )
    return by_x, by_projections, by_dt_proj, by_dt_bias, by_A, by_D


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, _, ctx.backend = inputs
    ctx.save_for_backward(output[1], *tensors)


def _differentiate(ctx: Any, grad_y: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    saved, *tensors = ctx.saved_tensors
    return (*cross_backward_op(grad_y, saved, *tensors, ctx.backend), None, None)


cross_op.register_autograd(_differentiate, setup_context=_keep)
# Where kernels read half precision as it is, a copy in float32 would have to be kept for the backward pass.
for _device_type in autocast_devices():
    if not reads_half(_device_type):
        cross_op.register_autocast(_device_type, torch.float32)
