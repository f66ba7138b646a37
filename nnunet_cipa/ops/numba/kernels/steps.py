"""What the forward and the backward kernel share: a block's channels, and a chunk of their sequences in and out.

Rows of a chunk are (channels of a block, CHUNK), handled sixteen steps at a time, with zeros beyond the chunk's end.
"""

from typing import Any

import numpy as np
from numba import literally

from nnunet_cipa.ops.numba.compile import compile_function
from nnunet_cipa.ops.numba.kernels.lanes import load, splat, store
from nnunet_cipa.ops.numba.kernels.math import sigmoid, softplus
from nnunet_cipa.ops.numba.kernels.shuffles import fold
from nnunet_cipa.ops.numba.layout import CHUNK, LANES

_LN2 = np.float32(np.log(2))


@compile_function
def buffer(rows: int, columns: int) -> Any:
    """Make room for rows that a kernel fills before it reads them."""
    return np.empty((rows, columns), np.float32)


@compile_function
def blocks_of_task(task: int, splits: int, inputs: Any) -> tuple[int, int, int, int]:
    """Give the element of the batch, the part of its group, the first block and the one after the last of a task."""
    blocks = inputs.A.shape[0]
    groups = min(inputs.B.shape[1], inputs.C.shape[1])
    batch, rest = divmod(task, groups * splits)
    group, split = divmod(rest, splits)
    per_group = blocks // groups
    return (
        batch,
        split,
        group * per_group + per_group * split // splits,
        group * per_group + per_group * (split + 1) // splits,
    )


@compile_function
def channels_of_block(block: int, per_block: int, inputs: Any) -> tuple[int, int]:
    """Give the first channel of a block and the number of its channels; a group's last block may have fewer."""
    groups = min(inputs.B.shape[1], inputs.C.shape[1])
    group, place = divmod(block, inputs.A.shape[0] // groups)
    per_group = inputs.u.shape[1] // groups
    return group * per_group + place * per_block, min(per_block, per_group - place * per_block)


@compile_function
def rows_of_block(matrix: Any, block: int, blocks: int) -> tuple[int, int]:
    """Give the row of B or C, one a group or one a block, that a block reads, and its step: 0 if it is constant."""
    return block // (blocks // matrix.shape[1]), min(matrix.shape[2] - 1, 1)


@compile_function
def copy_in(sequence: Any, batch: int, channel: int, start: int, steps: int, rows: Any, row: int) -> None:
    """Copy a chunk of one channel of a sequence (b, d, l) to a row, and zeros after it."""
    # A slice first: an index that starts at 0 spares the check for a negative one, which would end vectorisation.
    source = sequence[batch, channel, start : start + steps]
    for t in range(steps):
        rows[row, t] = source[t]
    for t in range(steps, CHUNK):
        rows[row, t] = 0


@compile_function
def copy_out(rows: Any, row: int, sequence: Any, batch: int, channel: int, start: int, steps: int) -> None:
    """Copy a row to a chunk of one channel of a sequence (b, d, l)."""
    target = sequence[batch, channel, start : start + steps]
    for t in range(steps):
        target[t] = rows[row, t]


@compile_function
def clear(buffers: Any, first: int) -> None:
    """Set the rows from ``first`` on to zero in each of a tuple of buffers."""
    for rows in buffers:
        for row in range(first, rows.shape[0]):
            for i in range(0, CHUNK, LANES):
                store(rows, (row, i), splat(np.float32(0)))


@compile_function
def prepare_steps(inputs: Any, channel: int, row: int, u: Any, dt: Any, drive: Any) -> None:
    """Turn a row of dt from delta to the step size, and fill that of drive with dt * u."""
    shift = _bias(inputs, channel)
    for i in range(0, CHUNK, LANES):
        step = load(dt, (row, i)) + shift
        if inputs.delta_softplus:
            step = softplus(step)
        store(dt, (row, i), step)
        store(drive, (row, i), step * load(u, (row, i)))


@compile_function
def stop_steps(dt: Any, row: int, steps: int) -> None:
    """Set the step sizes beyond the chunk's end to zero, so that the state stays as it is there."""
    for t in range(steps, CHUNK):
        dt[row, t] = 0


@compile_function
def sum_states(terms: Any, rows: Any, width: int) -> None:
    """Add the terms (CHUNK, 16), summed over each channel's states, to the channels' rows."""
    literally(width)
    for t in range(0, CHUNK, width):
        fold(terms, t, rows, width)


@compile_function
def add_skip(inputs: Any, channel: int, row: int, u: Any, out: Any) -> None:
    """Add D * u to a row of out."""
    if inputs.D.size:
        for i in range(0, CHUNK, LANES):
            store(out, (row, i), load(out, (row, i)) + load(u, (row, i)) * inputs.D[channel])


@compile_function
def add_skip_gradient(total: Any, index: Any, row: int, u: Any, grad_y: Any) -> None:
    """Add the products of a row of u and one of grad_y to sixteen partial sums."""
    for i in range(0, CHUNK, LANES):
        add_to(total, index, load(u, (row, i)) * load(grad_y, (row, i)))


@compile_function
def add_to(array: Any, index: Any, value: Any) -> None:
    """Add lanes to those that ``load`` with the same index would read."""
    store(array, index, load(array, index) + value)


@compile_function
def finish_gradients(inputs: Any, channel: int, row: int, rows: Any) -> None:
    """Turn rows of gradients by dt * u and, over ln 2, by dt * A into those by u and delta.

    ``rows``: u, delta, dt, grad_y and the two gradients, which are overwritten.
    """
    u, delta, dt, grad_y, grad_drive, grad_exponent = rows
    shift = _bias(inputs, channel)
    for i in range(0, CHUNK, LANES):
        by_drive = load(grad_drive, (row, i))
        by_delta = by_drive * load(u, (row, i)) + load(grad_exponent, (row, i)) * _LN2
        if inputs.delta_softplus:
            by_delta = by_delta * sigmoid(load(delta, (row, i)) + shift)
        store(grad_exponent, (row, i), by_delta)
        by_u = by_drive * load(dt, (row, i))
        if inputs.D.size:
            by_u = by_u + load(grad_y, (row, i)) * inputs.D[channel]
        store(grad_drive, (row, i), by_u)


@compile_function
def _bias(inputs: Any, channel: int) -> np.float32:
    """Give the bias of delta for a channel."""
    return inputs.delta_bias[channel] if inputs.delta_bias.size else np.float32(0)
