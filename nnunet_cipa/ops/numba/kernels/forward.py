"""The forward kernel: softplus, discretisation, scan and skip, chunk by chunk."""

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import literally

from nnunet_cipa.ops.numba.compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba.kernels.lanes import load, store
from nnunet_cipa.ops.numba.kernels.math import decay_of
from nnunet_cipa.ops.numba.kernels.shuffles import add_channels, merge, spread
from nnunet_cipa.ops.numba.kernels.steps import (
    add_skip,
    blocks_of_task,
    buffer,
    channels_of_block,
    clear,
    copy_in,
    copy_out,
    prepare_steps,
    rows_of_block,
    stop_steps,
)
from nnunet_cipa.ops.numba.layout import CHUNK, LANES, TILE


@cache
def forward_kernel(width: int, decaying: bool) -> Callable[..., None]:
    """Make the kernel for ``width`` states per channel within the lanes.

    Parameters
    ----------
    width : int
        1, 2, 4, 8 or 16; the lanes hold 16 / width channels at once.
    decaying : bool
        Whether dt * A is never positive.

    Returns
    -------
    callable
        ``kernel(first, last, splits, inputs, y, saved, state)`` runs the tasks ``first`` to ``last``, of which there
        are b * groups * splits: a task is one part of the channels of one group. It writes y (b, d, l), the state
        before each chunk (chunks, b, blocks, parts, 16) and the last state (b, blocks, parts, 16).
    """
    per_block = LANES // width

    def forward(first: int, last: int, splits: int, inputs: Any, y: Any, saved: Any, state: Any) -> None:
        length, blocks = inputs.u.shape[2], inputs.A.shape[0]
        u, dt, drive = buffer(per_block, CHUNK), buffer(per_block, CHUNK), buffer(per_block, CHUNK)
        out = buffer(per_block, CHUNK)
        for task in range(first, last):
            batch, _, first_block, last_block = blocks_of_task(task, splits, inputs)
            state[batch, first_block:last_block] = 0
            # Tile, block, chunk: B and C of a tile stay in the second-level cache while every block reads them.
            for tile in range(0, saved.shape[0], TILE):
                for block in range(first_block, last_block):
                    channel, present = channels_of_block(block, per_block, inputs)
                    B_row, B_step = rows_of_block(inputs.B, block, blocks)
                    C_row, C_step = rows_of_block(inputs.C, block, blocks)
                    clear((dt, drive), present)
                    for chunk in range(tile, min(tile + TILE, saved.shape[0])):
                        start = chunk * CHUNK
                        steps = min(CHUNK, length - start)
                        clear((out,), 0)
                        for c in range(present):
                            copy_in(inputs.u, batch, channel + c, start, steps, u, c)
                            copy_in(inputs.delta, batch, channel + c, start, steps, dt, c)
                            prepare_steps(inputs, channel + c, c, u, dt, drive)
                            stop_steps(dt, c, steps)
                        for part in range(inputs.A.shape[1]):
                            h = load(state, (batch, block, part, 0))
                            store(saved, (chunk, batch, block, part, 0), h)
                            a = load(inputs.A, (block, part, 0))
                            for t in range(0, steps, width):
                                B_from = (batch, B_row, (start + t) * B_step, part, B_step)
                                C_from = (batch, C_row, (start + t) * C_step, part, C_step)
                                matrices = (inputs.B, B_from, inputs.C, C_from)
                                h, sums = _scan_steps(h, a, matrices, (dt, drive), t, width, decaying)
                                add_channels(sums, out, t, width)
                            store(state, (batch, block, part, 0), h)
                        for c in range(present):
                            add_skip(inputs, channel + c, c, u, out)
                            copy_out(out, c, y, batch, channel + c, start, steps)

    return compile_kernel(forward, width, decaying)


@compile_function
def _scan_one(h: Any, a: Any, matrices: Any, rows: Any, t: int, i: int, width: int, decaying: bool) -> Any:
    """Give the state after a step and the terms of its output."""
    B, (batch, B_row, B_at, part, B_step), C, (_, C_row, C_at, _, C_step) = matrices
    dt, drive = rows
    decay = decay_of(spread(dt, t + i, width) * a, decaying)
    h = decay * h + spread(drive, t + i, width) * load(B, (batch, B_row, B_at + i * B_step, part, 0))
    return h, h * load(C, (batch, C_row, C_at + i * C_step, part, 0))


def _twice(scan_half: Callable[..., Any], half: int) -> Callable[..., Any]:
    """Make the function of twice as many steps; it merges the sums in registers while the states go on."""

    def scan(h: Any, a: Any, matrices: Any, rows: Any, t: int, i: int, width: int, decaying: bool) -> Any:
        h, first = scan_half(h, a, matrices, rows, t, i, width, decaying)
        h, second = scan_half(h, a, matrices, rows, t, i + half, width, decaying)
        return h, merge(first, second, half)

    return compile_function(scan)


# By name in the module: numba keeps no compiled code of a kernel that has compiled functions in its closure.
_scan_two = _twice(_scan_one, 1)
_scan_four = _twice(_scan_two, 2)
_scan_eight = _twice(_scan_four, 4)
_scan_sixteen = _twice(_scan_eight, 8)


@compile_function
def _scan_steps(h: Any, a: Any, matrices: Any, rows: Any, t: int, width: int, decaying: bool) -> Any:
    """Scan ``width`` steps: the state after them, and their outputs, lane j that of step j % width."""
    literally(width)
    if width == 1:
        return _scan_one(h, a, matrices, rows, t, 0, width, decaying)
    if width == 2:
        return _scan_two(h, a, matrices, rows, t, 0, width, decaying)
    if width == 4:
        return _scan_four(h, a, matrices, rows, t, 0, width, decaying)
    if width == 8:
        return _scan_eight(h, a, matrices, rows, t, 0, width, decaying)
    return _scan_sixteen(h, a, matrices, rows, t, 0, width, decaying)
