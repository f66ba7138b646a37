"""What the two kernels of the four-direction scan share: a chunk's positions, its projections, its step sizes.

A chunk is (CHUNK, 16): steps of one direction by sixteen channels, which are side by side in channels-last memory. A
direction is nothing but the order in which the positions of the map are visited.
"""

from typing import Any

import numpy as np

from nnunet_cipa.ops.numba.compile import compile_function
from nnunet_cipa.ops.numba.kernels.lanes import load, prefetch, splat, spread_one, store
from nnunet_cipa.ops.numba.kernels.math import softplus
from nnunet_cipa.ops.numba.layout import LANES

STEPS_AT_ONCE = 4


@compile_function
def order_positions(direction: int, start: int, steps: int, height: int, width: int, positions: Any) -> None:
    """List the positions h * W + w that a direction visits: rows, columns, rows backwards, columns backwards."""
    for t in range(steps):
        step = start + t
        if direction >= 2:
            step = height * width - 1 - step
        positions[t] = step % height * width + step // height if direction & 1 else step


@compile_function
def gather_projections(inputs: Any, batch: int, direction: int, positions: Any, steps: int, rows: Any) -> None:
    """Copy the projections of a chunk's positions to rows (CHUNK, R + 2N), N rounded up as in the weights."""
    rank, states = inputs.weights.dt.shape[2], inputs.weights.A.shape[2]
    given = (inputs.projections.shape[3] - rank) // 2
    for t in range(steps):
        at = (batch, positions[t], direction)
        _copy(inputs.projections, at, 0, rows, t, 0, rank + given)
        _copy(inputs.projections, at, rank + given, rows, t, rank + states, given)


@compile_function
def _copy(source: Any, at: Any, first: int, rows: Any, row: int, target: int, count: int) -> None:
    """Copy numbers of a row to another, sixteen at a time; the last sixteen overlap those before."""
    if count < LANES:
        for i in range(count):
            index = (*at, first + i)
            rows[row, target + i] = source[index]
    else:
        for i in range(0, count - LANES, LANES):
            store(rows, (row, target + i), load(source, (*at, first + i)))
        i = count - LANES
        store(rows, (row, target + i), load(source, (*at, first + i)))


@compile_function
def gather(maps: Any, batch: int, positions: Any, steps: int, channel: int, chunk: Any) -> None:
    """Copy sixteen channels of a map (b, positions, d) at a chunk's positions; zeros where there are no channels.

    Positions are far apart in memory and nothing foresees them, so that the next channels are fetched ahead.
    """
    present = min(LANES, maps.shape[2] - channel)
    if present == LANES:
        for t in range(steps):
            prefetch(maps, (batch, positions[t], channel + LANES))
            store(chunk, (t, 0), load(maps, (batch, positions[t], channel)))
    else:
        for t in range(steps):
            for c in range(LANES):
                chunk[t, c] = maps[batch, positions[t], channel + c] if c < present else np.float32(0)


@compile_function
def scatter(chunk: Any, maps: Any, batch: int, positions: Any, steps: int, channel: int, first: bool) -> None:
    """Undo ``gather``: write to the map, or add to what an earlier direction wrote."""
    present = min(LANES, maps.shape[2] - channel)
    if present == LANES:
        for t in range(steps):
            prefetch(maps, (batch, positions[t], channel + LANES))
            values = load(chunk, (t, 0))
            if not first:
                values = values + load(maps, (batch, positions[t], channel))
            store(maps, (batch, positions[t], channel), values)
    else:
        for t in range(steps):
            for c in range(present):
                before = np.float32(0) if first else maps[batch, positions[t], channel + c]
                maps[batch, positions[t], channel + c] = before + chunk[t, c]


@compile_function
def raw_steps(weights: Any, direction: int, block: int, rows: Any, steps: int, raw: Any) -> None:
    """Fill a chunk with the step sizes before softplus: dt_projs_weight times the low-rank projection, plus bias."""
    bias = load(weights.bias, (direction, block, 0))
    for t in range(0, steps, STEPS_AT_ONCE):
        a, b, c, d = bias, bias, bias, bias
        for r in range(weights.dt.shape[2]):
            column = load(weights.dt, (direction, block, r, 0))
            a = a + column * spread_one(rows, (t, r))
            b = b + column * spread_one(rows, (t + 1, r))
            c = c + column * spread_one(rows, (t + 2, r))
            d = d + column * spread_one(rows, (t + 3, r))
        store(raw, (t, 0), a)
        store(raw, (t + 1, 0), b)
        store(raw, (t + 2, 0), c)
        store(raw, (t + 3, 0), d)


@compile_function
def prepare(raw: Any, x: Any, steps: int, dt: Any, drive: Any) -> None:
    """Fill chunks with dt and dt * x."""
    for t in range(steps):
        step = softplus(load(raw, (t, 0)))
        store(dt, (t, 0), step)
        store(drive, (t, 0), step * load(x, (t, 0)))


@compile_function
def clear(chunk: Any, steps: int) -> None:
    """Set the first rows (steps, 16) to zero."""
    for t in range(steps):
        store(chunk, (t, 0), splat(np.float32(0)))


@compile_function
def load_pair(array: Any, at: Any, n: int) -> Any:
    """Read the lanes of states n and n + 1 of an array (..., N, 16)."""
    return load(array, (*at, n, 0)), load(array, (*at, n + 1, 0))


@compile_function
def store_pair(array: Any, at: Any, n: int, first: Any, second: Any) -> None:
    """Write what ``load_pair`` would read."""
    store(array, (*at, n, 0), first)
    store(array, (*at, n + 1, 0), second)
