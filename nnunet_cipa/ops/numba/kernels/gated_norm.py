"""The kernels of LayerNorm with a gate: sixteen positions at a time, whose channels stay in the first-level cache."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from nnunet_cipa.ops.numba.compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba.kernels.lanes import load, splat, spread_one, store
from nnunet_cipa.ops.numba.kernels.math import sigmoid
from nnunet_cipa.ops.numba.kernels.shuffles import fold
from nnunet_cipa.ops.numba.kernels.steps import buffer
from nnunet_cipa.ops.numba.layout import LANES

_ZERO, _ONE = np.float32(0), np.float32(1)


@cache
def forward_kernel() -> Callable[..., None]:
    """Make ``kernel(first, last, y, gate, weight, bias, eps, out, moments)`` for positions from first to last.

    y, gate, out: (positions, d), d a multiple of 16. weight, bias: (d,). moments (2, positions): mean, 1 / deviation.
    """

    def gated_norm_forward(
        first: int, last: int, y: Any, gate: Any, weight: Any, bias: Any, eps: float, out: Any, moments: Any
    ) -> None:
        channels = y.shape[1]
        terms, sums = buffer(LANES, LANES), np.zeros((1, LANES), np.float32)
        for start in range(first, last, LANES):
            rows = min(LANES, last - start)
            sums[:] = 0
            for i in range(rows):
                total = splat(_ZERO)
                for c in range(0, channels, LANES):
                    total = total + load(y, (start + i, c))
                store(terms, (i, 0), total)
            fold(terms, 0, sums, LANES)
            for i in range(rows):
                moments[0, start + i] = sums[0, i] / np.float32(channels)
            sums[:] = 0
            for i in range(rows):
                mean, total = spread_one(moments, (0, start + i)), splat(_ZERO)
                for c in range(0, channels, LANES):
                    centred = load(y, (start + i, c)) - mean
                    total = total + centred * centred
                store(terms, (i, 0), total)
            fold(terms, 0, sums, LANES)
            for i in range(rows):
                moments[1, start + i] = _ONE / np.sqrt(sums[0, i] / np.float32(channels) + np.float32(eps))
                mean, scale = spread_one(moments, (0, start + i)), spread_one(moments, (1, start + i))
                for c in range(0, channels, LANES):
                    normed = (load(y, (start + i, c)) - mean) * scale * load(weight, (c,)) + load(bias, (c,))
                    gate_c = load(gate, (start + i, c))
                    store(out, (start + i, c), normed * gate_c * sigmoid(gate_c))

    return compile_kernel(gated_norm_forward)


@cache
def backward_kernel() -> Callable[..., None]:
    """Make ``kernel(first, last, task, grad, y, gate, weight, bias, moments, grads)`` for positions from first to last.

    grads: by y and gate, (positions, d), and by weight and bias, (tasks, d), of which a task adds to its row; these
    must hold zeros before.
    """

    def gated_norm_backward(
        first: int, last: int, task: int, grad: Any, y: Any, gate: Any, weight: Any, bias: Any, moments: Any, grads: Any
    ) -> None:
        by_y = grads.y
        channels = y.shape[1]
        terms, products = buffer(LANES, LANES), buffer(LANES, LANES)
        sums = np.zeros((2, LANES), np.float32)
        for start in range(first, last, LANES):
            rows = min(LANES, last - start)
            for i in range(rows):
                total, product = splat(_ZERO), splat(_ZERO)
                for c in range(0, channels, LANES):
                    by_normed, normed = _open_gate(task, start + i, c, grad, y, gate, weight, bias, moments, grads)
                    total = total + by_normed
                    product = product + by_normed * normed
                store(terms, (i, 0), total)
                store(products, (i, 0), product)
            sums[:] = 0
            fold(terms, 0, sums[0:1], LANES)
            fold(products, 0, sums[1:2], LANES)
            for i in range(rows):
                sums[0, i] /= np.float32(channels)
                sums[1, i] /= np.float32(channels)
                mean, scale = spread_one(moments, (0, start + i)), spread_one(moments, (1, start + i))
                for c in range(0, channels, LANES):
                    normed = (load(y, (start + i, c)) - mean) * scale
                    rest = load(by_y, (start + i, c)) - spread_one(sums, (0, i)) - normed * spread_one(sums, (1, i))
                    store(by_y, (start + i, c), scale * rest)

    return compile_kernel(gated_norm_backward)


@compile_function
def _open_gate(
    task: int, row: int, c: int, grad: Any, y: Any, gate: Any, weight: Any, bias: Any, moments: Any, grads: Any
) -> Any:
    """Go back through the gate, weight and bias; keep and give the gradient by what is normalised, and that itself."""
    by_weight, by_bias = grads.weight, grads.bias
    normed = (load(y, (row, c)) - spread_one(moments, (0, row))) * spread_one(moments, (1, row))
    gate_c, grad_c = load(gate, (row, c)), load(grad, (row, c))
    open_ = sigmoid(gate_c)
    silu = gate_c * open_
    weight_c = load(weight, (c,))
    store(
        grads.gate, (row, c), grad_c * (normed * weight_c + load(bias, (c,))) * (open_ + silu * (splat(_ONE) - open_))
    )
    by_scaled = grad_c * silu
    store(by_weight, (task, c), load(by_weight, (task, c)) + by_scaled * normed)
    store(by_bias, (task, c), load(by_bias, (task, c)) + by_scaled)
    by_normed = by_scaled * weight_c
    store(grads.y, (row, c), by_normed)
    return by_normed, normed
