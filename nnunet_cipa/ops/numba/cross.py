"""The four-direction scan on the CPU, in float32, without a copy of the map in any order but its own."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.numba.cross_layout import CrossLayout, floats
from nnunet_cipa.ops.numba.layout import LANES, Floats
from nnunet_cipa.ops.numba.memory import empty
from nnunet_cipa.ops.numba.threads import run_tasks


class CrossGradients(NamedTuple):
    """What the backward kernel fills; all but x and projections must hold zeros before.

    x: (b, H * W, d). projections: (splits, b, H * W, 4, R + 2N), to be summed over the first axis. The others as the
    parameters in ``CrossWeights``, with an axis in front to be summed over.
    """

    x: Floats
    projections: Floats
    dt: Floats
    bias: Floats
    A: Floats
    D: Floats


def saved_shape(arguments: CrossArguments, keep: bool) -> tuple[int, ...]:
    """Shape of what the forward pass returns for the backward pass: the state before each chunk but the first."""
    shape = CrossLayout(arguments).saved_shape
    return shape if keep else (0,) * len(shape)


def forward(arguments: CrossArguments, keep: bool) -> tuple[Tensor, Tensor]:
    """Return y (b, H, W, d) and, to ``keep``, the states that the backward pass needs."""
    from nnunet_cipa.ops.numba.kernels.cross_forward import cross_forward_kernel  # noqa: PLC0415 - numba takes a second

    layout = CrossLayout(arguments)
    inputs, tasks = layout.pack(arguments), layout.tasks()
    y = empty(*arguments.x.shape)
    saved = empty(*saved_shape(arguments, keep))
    outputs = (y.flatten(1, 2).numpy(), saved.numpy())
    kernel = cross_forward_kernel(_decaying(arguments))
    run_tasks(lambda first, last: kernel(first, last, tasks, inputs, *outputs), len(tasks), work=_work(arguments))
    return y, saved


def backward(grad_y: Tensor, saved: Tensor, arguments: CrossArguments) -> tuple[Tensor, ...]:
    """Return the gradients of all arguments, in float32.

    Raises
    ------
    ValueError
        If the forward pass was told not to keep what is needed here.
    """
    from nnunet_cipa.ops.numba.kernels.cross_backward import cross_backward_kernel  # noqa: PLC0415 - numba takes a second

    layout = CrossLayout(arguments)
    if tuple(saved.shape) != layout.saved_shape:
        raise ValueError("the forward pass kept no states for a backward pass")
    inputs, tasks = layout.pack(arguments), layout.tasks()
    x, projections = empty(*arguments.x.shape), empty(layout.splits, *arguments.projections.shape)
    rank = arguments.dt_proj.shape[2]
    dt, bias, A, D = (
        torch.zeros(layout.parts, 4, layout.blocks, columns, LANES) for columns in (rank, 1, layout.padded_states, 1)
    )
    grads = CrossGradients(
        *(t.numpy() for t in (x.flatten(1, 2), projections.flatten(2, 3), dt, bias[:, :, :, 0], A, D[:, :, :, 0]))
    )
    kernel = cross_backward_kernel(_decaying(arguments))
    kept = (floats(grad_y.flatten(1, 2)), saved.numpy(), grads)
    run_tasks(lambda first, last: kernel(first, last, tasks, inputs, *kept), len(tasks), work=_work(arguments))
    return (
        x,
        projections[0] if layout.splits == 1 else projections.sum(0),
        layout.unpack(dt.sum(0)),
        layout.unpack(bias.sum(0))[..., 0],
        layout.unpack(A.sum(0))[..., : layout.states],
        layout.unpack(D.sum(0))[..., 0],
    )


def _decaying(arguments: CrossArguments) -> bool:
    return bool((arguments.A <= 0).all())


def _work(arguments: CrossArguments) -> int:
    return 4 * arguments.x.numel() * arguments.A.shape[2]
