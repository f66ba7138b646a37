"""The forward kernel: softplus, discretisation, scan and skip, chunk by chunk."""

from collections.abc import Callable
from functools import cache
from typing import Any

from nnunet_cipa.ops.numba_compile import compile_kernel
from nnunet_cipa.ops.numba_lanes import load, store
from nnunet_cipa.ops.numba_layout import CHUNK, LANES, TILE
from nnunet_cipa.ops.numba_math import decay_of
from nnunet_cipa.ops.numba_shuffles import spread
from nnunet_cipa.ops.numba_steps import (
    add_skip,
    blocks_of_task,
    buffer,
    channels_of_block,
    clear,
    copy_in,
    copy_out,
    prepare_steps,
    rows_of_block,
    sum_states,
)


@cache
def forward_kernel(width: int, decaying: bool) -> Callable[..., None]:
    """Make the kernel for ``width`` states a channel within the lanes.

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
        out, terms = buffer(per_block, CHUNK), buffer(CHUNK, LANES)
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
                        for part in range(inputs.A.shape[1]):
                            h = load(state, (batch, block, part, 0))
                            store(saved, (chunk, batch, block, part, 0), h)
                            a = load(inputs.A, (block, part, 0))
                            for t in range(steps):
                                exponent = spread(dt, t, width) * a
                                decay = decay_of(exponent, decaying)
                                B_t = load(inputs.B, (batch, B_row, (start + t) * B_step, part, 0))
                                C_t = load(inputs.C, (batch, C_row, (start + t) * C_step, part, 0))
                                h = decay * h + spread(drive, t, width) * B_t
                                store(terms, (t, 0), h * C_t)
                            store(state, (batch, block, part, 0), h)
                            sum_states(terms, out, width)
                        for c in range(present):
                            add_skip(inputs, channel + c, c, u, out)
                            copy_out(out, c, y, batch, channel + c, start, steps)

    return compile_kernel(forward, width, decaying)
