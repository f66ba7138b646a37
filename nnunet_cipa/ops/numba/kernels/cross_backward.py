"""The backward kernel of the four-direction scan: states computed again chunk by chunk, then the adjoint scan."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from nnunet_cipa.ops.numba.compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba.cross_layout import STATES_AT_ONCE
from nnunet_cipa.ops.numba.kernels.cross_steps import (
    clear,
    gather,
    gather_projections,
    load_pair,
    order_positions,
    prepare,
    raw_steps,
    scatter,
    store_pair,
)
from nnunet_cipa.ops.numba.kernels.lanes import load, splat, spread_one, store
from nnunet_cipa.ops.numba.kernels.math import decay_of, sigmoid
from nnunet_cipa.ops.numba.kernels.shuffles import fold, transpose
from nnunet_cipa.ops.numba.kernels.steps import buffer
from nnunet_cipa.ops.numba.layout import CHUNK, LANES

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
        rows = np.zeros((CHUNK, rank + 2 * states), np.float32)
        by_rows, turned, before = buffer(rank + 2 * states, CHUNK), buffer(LANES, CHUNK), buffer(states, LANES)
        x, gy, raw, dt = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        drive, by_drive, by_exponent = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        # Decays and states of the first and of the second of two states.
        pairs = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK + 1, LANES), buffer(CHUNK + 1, LANES)
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
                            _enter_chunk(saved, start // CHUNK - 1, batch, direction, block, before)
                            at = (part, direction, block)
                            chunks = (rows, dt, drive, gy, by_drive, by_exponent)
                            for n in range(0, states, STATES_AT_ONCE):
                                _remake_pair(decaying, weights, at, n, steps, chunks, before, pairs)
                                _unwind_pair(weights, grads, at, n, steps, chunks, pairs, adjoint[block - first_block])
                                _sum_pair(pairs, steps, rank + n, rank + states + n, by_rows)
                            _finish(weights, grads, at, steps, (x, gy, raw, dt, by_drive, by_exponent))
                            _finish_rank(weights, grads, at, steps, (by_exponent, turned, rows, by_rows))
                            scatter(by_drive, grads.x, batch, positions, steps, block * LANES, direction == 0)
                        _write_projections(grads, (split, batch, direction), positions, steps, rank, states, by_rows)

    return compile_kernel(cross_backward, decaying)


@compile_function
def _enter_chunk(saved: Any, chunk: int, batch: int, direction: int, block: int, before: Any) -> None:
    """Fetch the states (N, 16) before a chunk; the first one's are zero and not kept."""
    if chunk < 0:
        clear(before, before.shape[0])
    else:
        for n in range(before.shape[0]):
            store(before, (n, 0), load(saved, (chunk, batch, direction, block, n, 0)))


@compile_function
def _remake_pair(
    decaying: bool, weights: Any, at: Any, n: int, steps: int, chunks: Any, before: Any, pairs: Any
) -> None:
    """Run a chunk in two states again, and keep each step's decay and the states before and after every step."""
    _, direction, block = at
    rows, dt, drive, _, _, _ = chunks
    decays0, decays1, states0, states1 = pairs
    b = weights.dt.shape[2] + n
    a0, a1 = load_pair(weights.A, (direction, block), n)
    h0, h1 = load_pair(before, (), n)
    store(states0, (0, 0), h0)
    store(states1, (0, 0), h1)
    for t in range(steps):
        step, driven = load(dt, (t, 0)), load(drive, (t, 0))
        decay0, decay1 = decay_of(step * a0, decaying), decay_of(step * a1, decaying)
        h0 = decay0 * h0 + driven * spread_one(rows, (t, b))
        h1 = decay1 * h1 + driven * spread_one(rows, (t, b + 1))
        store(decays0, (t, 0), decay0)
        store(decays1, (t, 0), decay1)
        store(states0, (t + 1, 0), h0)
        store(states1, (t + 1, 0), h1)


@compile_function
def _unwind_pair(weights: Any, grads: Any, at: Any, n: int, steps: int, chunks: Any, pairs: Any, adjoint: Any) -> None:
    """Run the adjoint of two states from a chunk's end to its start.

    It adds to the gradients by dt * x, by dt * A (over ln 2) and by A. In the end the buffers of decays and states hold
    the terms that, summed over the channels, are the gradients by B and, one row on, by C.
    """
    part, direction, block = at
    rows, dt, drive, gy, by_drive, by_exponent = chunks
    decays0, decays1, states0, states1 = pairs
    b = weights.dt.shape[2] + n
    c = b + weights.A.shape[2]
    a0, a1 = load_pair(weights.A, (direction, block), n)
    grad_a0, grad_a1 = load_pair(grads.A, (part, direction, block), n)
    g0, g1 = load_pair(adjoint, (), n)
    h0, h1 = load(states0, (steps, 0)), load(states1, (steps, 0))
    for t in range(steps - 1, -1, -1):
        gy_t, driven, step = load(gy, (t, 0)), load(drive, (t, 0)), load(dt, (t, 0))
        decay0, decay1 = load(decays0, (t, 0)), load(decays1, (t, 0))
        g0 = g0 + gy_t * spread_one(rows, (t, c))
        g1 = g1 + gy_t * spread_one(rows, (t, c + 1))
        store(states0, (t + 1, 0), gy_t * h0)
        store(states1, (t + 1, 0), gy_t * h1)
        store(decays0, (t, 0), g0 * driven)
        store(decays1, (t, 0), g1 * driven)
        by_input = load(by_drive, (t, 0)) + g0 * spread_one(rows, (t, b))
        store(by_drive, (t, 0), by_input + g1 * spread_one(rows, (t, b + 1)))
        # The adjoint before the step, times the state there: the gradient by the exponent dt * A.
        g0, g1 = g0 * decay0, g1 * decay1
        h0, h1 = load(states0, (t, 0)), load(states1, (t, 0))
        e0, e1 = g0 * h0, g1 * h1
        grad_a0, grad_a1 = grad_a0 + e0 * step, grad_a1 + e1 * step
        store(by_exponent, (t, 0), load(by_exponent, (t, 0)) + e0 * a0 + e1 * a1)
    store_pair(adjoint, (), n, g0, g1)
    store_pair(grads.A, (part, direction, block), n, grad_a0, grad_a1)


@compile_function
def _sum_pair(pairs: Any, steps: int, b: int, c: int, by_rows: Any) -> None:
    """Sum what ``_unwind_pair`` left over the channels: rows b and b + 1, c and c + 1 of the gradient."""
    decays0, decays1, states0, states1 = pairs
    for t in range(0, steps, LANES):
        fold(decays0, t, by_rows[b : b + 1], LANES)
        fold(decays1, t, by_rows[b + 1 : b + 2], LANES)
        fold(states0[1:], t, by_rows[c : c + 1], LANES)
        fold(states1[1:], t, by_rows[c + 1 : c + 2], LANES)


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
def _finish_rank(weights: Any, grads: Any, at: Any, steps: int, chunks: Any) -> None:
    """Go on to the gradients by dt_proj and, a product of matrices, by the low-rank projection."""
    by_raw, turned, rows, by_rows = chunks
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
def _write_projections(grads: Any, at: Any, positions: Any, steps: int, rank: int, states: int, by_rows: Any) -> None:
    """Write the gradient of a chunk's projections."""
    split, batch, direction = at
    given = (grads.projections.shape[4] - rank) // 2
    for t in range(steps):
        target = grads.projections[split, batch, positions[t], direction]
        for j in range(rank + given):
            target[j] = by_rows[j, t]
        for n in range(given):
            target[rank + given + n] = by_rows[rank + states + n, t]
