"""LayerNorm with a gate on the CPU, in float32: one pass over the maps instead of three, and half of what is kept."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.ops.numba.cross_layout import floats
from nnunet_cipa.ops.numba.layout import LANES, Floats
from nnunet_cipa.ops.numba.memory import empty
from nnunet_cipa.ops.numba.threads import run_tasks

_TASKS_PER_THREAD = 4
_COST = 4  # of an element, in the state updates by which threads are counted


def takes(*arguments: Tensor) -> bool:
    """Return whether all are in float32, and the channels a multiple of 16."""
    return all(one.dtype == torch.float32 and one.shape[-1] % LANES == 0 for one in arguments)


def gated_norm(y: Tensor, gate: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Return LayerNorm(y) * SiLU(gate)."""
    gated: Tensor = GatedNorm.apply(*(one.contiguous() for one in (y, gate, weight, bias)), eps)
    return gated


class GatedNormGradients(NamedTuple):
    """What the backward kernel fills: by y and gate (positions, d), by weight and bias (tasks, d)."""

    y: Floats
    gate: Floats
    weight: Floats
    bias: Floats


class GatedNorm(torch.autograd.Function):
    """LayerNorm(y) * SiLU(gate) of contiguous maps (..., d), d a multiple of 16."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, gate: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """Compute it, and keep mean and deviation of every position."""
        from nnunet_cipa.ops.numba.kernels.gated_norm import forward_kernel  # noqa: PLC0415 - numba takes a second

        out, moments = empty(*y.shape), empty(2, y[..., 0].numel())
        arrays = (*map(_array, (y, gate, weight, bias)), eps, _array(out), moments.numpy())
        kernel = forward_kernel()
        _run(lambda first, last, _: kernel(first, last, *arrays), y)
        ctx.save_for_backward(y, gate, weight, bias, moments)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by y, gate, weight and bias."""
        from nnunet_cipa.ops.numba.kernels.gated_norm import backward_kernel  # noqa: PLC0415 - numba takes a second

        y, gate, weight, bias, moments = ctx.saved_tensors
        by_y, by_gate = empty(*y.shape), empty(*y.shape)
        by_weight, by_bias = (torch.zeros(_tasks(), len(weight)) for _ in range(2))
        grads = GatedNormGradients(*map(_array, (by_y, by_gate, by_weight, by_bias)))
        arrays = (*map(_array, (grad.contiguous(), y, gate, weight, bias)), moments.numpy())
        kernel = backward_kernel()
        _run(lambda first, last, task: kernel(first, last, task, *arrays, grads), y)
        return by_y, by_gate, by_weight.sum(0), by_bias.sum(0), None


def _array(one: Tensor) -> Floats:
    """Share the memory of a map as rows (positions, d), or of a vector or matrix as it is."""
    return floats(one.flatten(0, -2) if one.dim() > 1 else one)


def _tasks() -> int:
    return _TASKS_PER_THREAD * torch.get_num_threads()


def _run(kernel: Callable[[int, int, int], None], y: Tensor) -> None:
    """Run a kernel over the positions in whole sixteens, a task a share of them."""
    positions = y[..., 0].numel()
    tasks = _tasks()
    bounds = [min(-(-positions // LANES) * task // tasks * LANES, positions) for task in range(tasks + 1)]

    def run(first: int, last: int) -> None:
        for task in range(first, last):
            kernel(bounds[task], bounds[task + 1], task)

    run_tasks(run, tasks, work=_COST * y.numel())
