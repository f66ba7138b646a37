"""The forward kernel of the four-direction scan: step sizes, discretisation, scan and skip, chunk by chunk."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from nnunet_cipa.ops.numba.compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba.cross_layout import STATES_AT_ONCE
from nnunet_cipa.ops.numba.kernels.cross_steps import (
    gather,
    gather_projections,
    load_pair,
    order_positions,
    raw_steps,
    scatter,
    store_pair,
)
from nnunet_cipa.ops.numba.kernels.lanes import load, prefetch, spread_one, store
from nnunet_cipa.ops.numba.kernels.math import decay_of, softplus
from nnunet_cipa.ops.numba.kernels.steps import buffer
from nnunet_cipa.ops.numba.layout import CHUNK, LANES


@cache
def cross_forward_kernel(decaying: bool) -> Callable[..., None]:
    """Make the kernel.

    Parameters
    ----------
    decaying : bool
        Whether A is never positive.

    Returns
    -------
    callable
        ``kernel(first, last, tasks, inputs, y, saved)`` runs some rows of ``CrossLayout.tasks``. It writes
        y (b, H * W, d), the sum over the directions, and, unless ``saved`` is empty, the state before each chunk but
        the first (chunks - 1, b, 4, blocks, N, 16).
    """

    def cross_forward(first: int, last: int, tasks: Any, inputs: Any, y: Any, saved: Any) -> None:
        weights = inputs.weights
        length = inputs.height * inputs.width
        rank, states = weights.dt.shape[2], weights.A.shape[2]
        rows = np.zeros((CHUNK, rank + 2 * states), np.float32)
        x, dt, drive, out = buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        positions = np.empty(CHUNK, np.int64)
        for task in range(first, last):
            first_batch, last_batch, first_block, last_block, _, _ = tasks[task]
            state = np.empty((last_block - first_block, states, LANES), np.float32)
            for batch in range(first_batch, last_batch):
                for direction in range(weights.A.shape[0]):
                    state[:] = 0
                    for start in range(0, length, CHUNK):
                        steps = min(CHUNK, length - start)
                        order_positions(direction, start, steps, inputs.height, inputs.width, positions)
                        gather_projections(inputs, batch, direction, positions, steps, rows)
                        for block in range(first_block, last_block):
                            raw_steps(weights, direction, block, rows, steps, dt)
                            at = (batch, direction, block)
                            _enter_chunk(inputs, at, positions, steps, (x, dt, drive, out))
                            for n in range(0, states, STATES_AT_ONCE):
                                own = state[block - first_block]
                                if saved.size and start:
                                    h0, h1 = load_pair(own, (), n)
                                    store_pair(saved, (start // CHUNK - 1, batch, direction, block), n, h0, h1)
                                _scan_pair(decaying, weights, (direction, block), n, steps, (rows, dt, drive, out), own)
                            scatter(out, y, batch, positions, steps, block * LANES, direction == 0)

    return compile_kernel(cross_forward, decaying)


@compile_function
def _enter_chunk(inputs: Any, at: Any, positions: Any, steps: int, chunks: Any) -> None:
    """Turn raw step sizes into dt, fill dt * x and D * x, and fetch what the next block will read."""
    batch, direction, block = at
    x, dt, drive, out = chunks
    channel = block * LANES
    whole = channel + LANES <= inputs.x.shape[2]
    if not whole:
        gather(inputs.x, batch, positions, steps, channel, x)
    skip = load(inputs.weights.D, (direction, block, 0))
    for t in range(steps):
        x_t = load(inputs.x, (batch, positions[t], channel)) if whole else load(x, (t, 0))
        prefetch(inputs.x, (batch, positions[t], channel + LANES))
        step = softplus(load(dt, (t, 0)))
        store(dt, (t, 0), step)
        store(drive, (t, 0), step * x_t)
        store(out, (t, 0), skip * x_t)


@compile_function
def _scan_pair(decaying: bool, weights: Any, at: Any, n: int, steps: int, chunks: Any, state: Any) -> None:
    """Scan a chunk in two states, which share the loads of what all states read; add to its output."""
    rows, dt, drive, out = chunks
    b = weights.dt.shape[2] + n
    c = b + weights.A.shape[2]
    a0, a1 = load_pair(weights.A, at, n)
    h0, h1 = load_pair(state, (), n)
    for t in range(steps):
        step, driven = load(dt, (t, 0)), load(drive, (t, 0))
        h0 = decay_of(step * a0, decaying) * h0 + driven * spread_one(rows, (t, b))
        h1 = decay_of(step * a1, decaying) * h1 + driven * spread_one(rows, (t, b + 1))
        y_t = load(out, (t, 0)) + h0 * spread_one(rows, (t, c))
        store(out, (t, 0), y_t + h1 * spread_one(rows, (t, c + 1)))
    store_pair(state, (), n, h0, h1)
