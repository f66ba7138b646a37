"""The four-direction scan in Triton, in float32, without a copy of the map in any order but its own."""

import torch
from torch import Tensor

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.triton.cross_layout import saved_shape_of
from nnunet_cipa.ops.triton.scan import device_of


def saved_shape(arguments: CrossArguments, keep: bool) -> tuple[int, ...]:
    """Shape of what the forward pass returns for the backward pass: the state before each chunk."""
    shape = saved_shape_of(arguments)
    return shape if keep else (0,) * len(shape)


def forward(arguments: CrossArguments, keep: bool) -> tuple[Tensor, Tensor]:
    """Return y (b, h, w, d) and, to ``keep``, the states that the backward pass needs."""
    from nnunet_cipa.ops.triton.cross_launch import CrossScan  # noqa: PLC0415 - imports Triton, not everywhere there

    scan = CrossScan(arguments)
    y, saved = scan.maps(), scan.empty(*saved_shape(arguments, keep))
    if y.numel():
        with device_of(y):
            for launch, direction in enumerate(range(0, 4, scan.layout.together)):
                scan.forward(direction, y, saved[launch] if keep else None)
    return _add_up(y).view(arguments.x.shape), saved


def backward(grad_y: Tensor, saved: Tensor, arguments: CrossArguments) -> tuple[Tensor, ...]:
    """Return the gradients of all arguments, in float32.

    Raises
    ------
    ValueError
        If the forward pass was told not to keep what is needed here.
    """
    from nnunet_cipa.ops.triton.cross_launch import CrossScan  # noqa: PLC0415 - imports Triton, not everywhere there

    if tuple(saved.shape) != saved_shape(arguments, True):
        raise ValueError("the forward pass kept no states for a backward pass")
    scan = CrossScan(arguments)
    results = tuple(torch.zeros_like(tensor, dtype=torch.float32) for tensor in arguments[1:])
    if not grad_y.numel():
        return (torch.zeros_like(arguments.x, dtype=torch.float32), *results)
    projections, dt_proj, dt_bias, A, D = results
    together, rank = scan.layout.together, scan.rank
    x, raw = scan.maps(), scan.maps()
    grad_y = grad_y.float().contiguous()
    with device_of(x), torch.autocast(x.device.type, enabled=False):
        for launch, first in enumerate(range(0, 4, together)):
            gradients = scan.gradients(x, raw)
            scan.backward(first, grad_y, saved[launch], gradients)
            here = slice(first, first + together)
            matrices = gradients.matrices.sum(0).view(*projections.shape[:3], together, -1)
            projections[..., here, rank:] = matrices
            by_raw = raw.flatten(1, 2)
            low = scan.projections[..., here, :rank].flatten(0, 2).transpose(0, 1).float()
            by_low = by_raw @ arguments.dt_proj[here].float()
            projections[..., here, :rank] = by_low.transpose(0, 1).view(*projections.shape[:3], together, rank)
            dt_proj[here] = by_raw.transpose(1, 2) @ low
            dt_bias[here], D[here] = gradients.bias.sum((0, 1)), gradients.D.sum((0, 1))
            A[here] = gradients.A.sum((0, 1)).transpose(1, 2)
    return _add_up(x).view(arguments.x.shape), *results


def _add_up(maps: Tensor) -> Tensor:
    """Add the maps of the directions of a launch."""
    return maps[0] if maps.shape[0] == 1 else maps.sum(0)
