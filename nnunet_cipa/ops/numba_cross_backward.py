"""The backward kernel of the four-direction scan: states made anew chunk by chunk, then the adjoint scan."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from nnunet_cipa.ops.numba_compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba_cross_steps import (
    clear,
    gather,
    gather_projections,
    order_positions,
    prepare,
    raw_steps,
    scatter,
)
from nnunet_cipa.ops.numba_lanes import fold, load, splat, spread_one, store, transpose
from nnunet_cipa.ops.numba_layout import CHUNK, LANES
from nnunet_cipa.ops.numba_math import exp2, exp2_decay, sigmoid
from nnunet_cipa.ops.numba_steps import buffer

_LN2 = np.float32(np.log(2))


@cache
def cross_backward_kernel(decaying: bool) -> Callable[..., None]:
    """Make the kernel.

    Parameters
    ----------
    decaying : bool
        As for ``cross_forward_kernel``.

    Returns
    -------
    callable
        ``kernel(first, last, tasks, inputs, grad_y, saved, grads)`` runs some rows of ``CrossLayout.tasks``: ``saved``
        is what the forward kernel kept, ``grads`` the ``CrossGradients`` to fill.
    """

    def cross_backward(first: int, last: int, tasks: Any, inputs: Any, grad_y: Any, saved: Any, grads: Any) -> None:
        weights = inputs.weights
        length = inputs.height * inputs.width
        rank, states = weights.dt.shape[2], weights.A.shape[2]
        columns = rank + 2 * states
        rows = np.zeros((CHUNK, columns), np.float32)
        by_rows, turned = buffer(columns, CHUNK), buffer(LANES, CHUNK)
        x, gy, raw, dt = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        drive, by_drive, by_exponent = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        decays0, decays1 = buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        entered0, entered1 = buffer(CHUNK + 1, LANES), buffer(CHUNK + 1, LANES)
        positions = np.empty(CHUNK, np.int64)
        for task in range(first, last):
            first_batch, last_batch, first_block, last_block, part, split = tasks[task]
            adjoint = np.empty((last_block - first_block, states, LANES), np.float32)
            for batch in range(first_batch, last_batch):
                for direction in range(weights.A.shape[0]):
                    adjoint[:] = 0
                    for start in range((length - 1) // CHUNK * CHUNK, -1, -CHUNK):
                        steps = min(CHUNK, length - start)
                        order_positions(direction, start, steps, inputs.height, inputs.width, positions)
                        gather_projections(inputs, batch, direction, positions, steps, rows)
                        by_rows[:] = 0
                        for block in range(first_block, last_block):
                            gather(inputs.x, batch, positions, steps, block * LANES, x)
                            gather(grad_y, batch, positions, steps, block * LANES, gy)
                            raw_steps(weights, direction, block, rows, steps, raw)
                            prepare(raw, x, steps, dt, drive)
                            clear(by_drive, steps)
                            clear(by_exponent, steps)
                            for n in range(0, states, 2):
                                if start:
                                    h0 = load(saved, (start // CHUNK - 1, batch, direction, block, n, 0))
                                    h1 = load(saved, (start // CHUNK - 1, batch, direction, block, n + 1, 0))
                                else:
                                    h0, h1 = splat(np.float32(0)), splat(np.float32(0))
                                a0 = load(weights.A, (direction, block, n, 0))
                                a1 = load(weights.A, (direction, block, n + 1, 0))
                                b, c = rank + n, rank + states + n
                                for t in range(steps):
                                    step, driven = load(dt, (t, 0)), load(drive, (t, 0))
                                    decay0 = exp2_decay(step * a0) if decaying else exp2(step * a0)
                                    decay1 = exp2_decay(step * a1) if decaying else exp2(step * a1)
                                    store(entered0, (t, 0), h0)
                                    store(entered1, (t, 0), h1)
                                    store(decays0, (t, 0), decay0)
                                    store(decays1, (t, 0), decay1)
                                    h0 = decay0 * h0 + driven * spread_one(rows, (t, b))
                                    h1 = decay1 * h1 + driven * spread_one(rows, (t, b + 1))
                                g0 = load(adjoint, (block - first_block, n, 0))
                                g1 = load(adjoint, (block - first_block, n + 1, 0))
                                grad_a0 = load(grads.A, (part, direction, block, n, 0))
                                grad_a1 = load(grads.A, (part, direction, block, n + 1, 0))
                                for t in range(steps - 1, -1, -1):
                                    gy_t, driven, step = load(gy, (t, 0)), load(drive, (t, 0)), load(dt, (t, 0))
                                    g0 = g0 + gy_t * spread_one(rows, (t, c))
                                    g1 = g1 + gy_t * spread_one(rows, (t, c + 1))
                                    decay0, decay1 = load(decays0, (t, 0)), load(decays1, (t, 0))
                                    # Read for the last time, the buffers take the terms of sums over the channels.
                                    store(entered0, (t + 1, 0), gy_t * h0)
                                    store(entered1, (t + 1, 0), gy_t * h1)
                                    store(decays0, (t, 0), g0 * driven)
                                    store(decays1, (t, 0), g1 * driven)
                                    by_input = load(by_drive, (t, 0)) + g0 * spread_one(rows, (t, b))
                                    store(by_drive, (t, 0), by_input + g1 * spread_one(rows, (t, b + 1)))
                                    # The adjoint before the step, times the state there: the gradient by dt * A.
                                    g0, g1 = g0 * decay0, g1 * decay1
                                    h0, h1 = load(entered0, (t, 0)), load(entered1, (t, 0))
                                    e0, e1 = g0 * h0, g1 * h1
                                    grad_a0, grad_a1 = grad_a0 + e0 * step, grad_a1 + e1 * step
                                    store(by_exponent, (t, 0), load(by_exponent, (t, 0)) + e0 * a0 + e1 * a1)
                                store(adjoint, (block - first_block, n, 0), g0)
                                store(adjoint, (block - first_block, n + 1, 0), g1)
                                store(grads.A, (part, direction, block, n, 0), grad_a0)
                                store(grads.A, (part, direction, block, n + 1, 0), grad_a1)
                                _sum_channels(decays0, steps, by_rows[b : b + 1])
                                _sum_channels(decays1, steps, by_rows[b + 1 : b + 2])
                                _sum_channels(entered0[1:], steps, by_rows[c : c + 1])
                                _sum_channels(entered1[1:], steps, by_rows[c + 1 : c + 2])
                            _finish(weights, grads, (part, direction, block), steps,
                                    (x, gy, raw, dt, by_drive, by_exponent))
                            _finish_rank(weights, grads, (part, direction, block), steps, by_exponent, turned, rows, by_rows)
                            scatter(by_drive, grads.x, batch, positions, steps, block * LANES, direction == 0)
                        _write_projections(grads, (split, batch, direction), positions, steps, rank, states, by_rows)

    return compile_kernel(cross_backward, decaying)


@compile_function
def _finish(weights: Any, grads: Any, at: Any, steps: int, chunks: Any) -> None:
    """Turn the gradients by dt * x and, over ln 2, by dt * A into those by x and by the step before softplus."""
    x, gy, raw, dt, by_drive, by_exponent = chunks
    part, direction, block = at
    skip = load(weights.D, (direction, block, 0))
    grad_skip = load(grads.D, (part, direction, block, 0))
    grad_bias = load(grads.bias, (part, direction, block, 0))
    for t in range(steps):
        x_t, gy_t, by_input = load(x, (t, 0)), load(gy, (t, 0)), load(by_drive, (t, 0))
        by_step = by_input * x_t + load(by_exponent, (t, 0)) * _LN2
        by_raw = by_step * sigmoid(load(raw, (t, 0)))
        store(by_exponent, (t, 0), by_raw)
        store(by_drive, (t, 0), by_input * load(dt, (t, 0)) + gy_t * skip)
        grad_skip = grad_skip + gy_t * x_t
        grad_bias = grad_bias + by_raw
    store(grads.D, (part, direction, block, 0), grad_skip)
    store(grads.bias, (part, direction, block, 0), grad_bias)


@compile_function
def _finish_rank(
    weights: Any, grads: Any, at: Any, steps: int, by_raw: Any, turned: Any, rows: Any, by_rows: Any
) -> None:
    """Go on to the gradients by dt_projs_weight and by the low-rank projection."""
    part, direction, block = at
    for t in range(steps, CHUNK):
        store(by_raw, (t, 0), splat(np.float32(0)))
    for t in range(0, steps, LANES):
        transpose(by_raw, t, turned)
    for r in range(weights.dt.shape[2]):
        a, b = load(grads.dt, (part, direction, block, r, 0)), splat(np.float32(0))
        for t in range(0, steps, 2):
            a = a + load(by_raw, (t, 0)) * spread_one(rows, (t, r))
            b = b + load(by_raw, (t + 1, 0)) * spread_one(rows, (t + 1, r))
        store(grads.dt, (part, direction, block, r, 0), a + b)
        for t in range(0, steps, LANES):
            total = load(by_rows, (r, t))
            for c in range(LANES):
                total = total + load(turned, (c, t)) * spread_one(weights.dt, (direction, block, r, c))
            store(by_rows, (r, t), total)


@compile_function
def _sum_channels(terms: Any, steps: int, row: Any) -> None:
    """Add terms (steps, 16), summed over the channels, to a row (1, steps)."""
    for t in range(0, steps, LANES):
        fold(terms, t, row, LANES)


@compile_function
def _write_projections(
    grads: Any, at: Any, positions: Any, steps: int, rank: int, states: int, by_rows: Any
) -> None:
    """Write the gradient of a chunk's projections."""
    split, batch, direction = at
    given = (grads.projections.shape[4] - rank) // 2
    for t in range(steps):
        target = grads.projections[split, batch, positions[t], direction]
        for j in range(rank + given):
            target[j] = by_rows[j, t]
        for n in range(given):
            target[rank + given + n] = by_rows[rank + states + n, t]
