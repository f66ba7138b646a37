"""The backward kernel: states computed again chunk by chunk, then the adjoint scan from the end to the start."""

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import literally

from nnunet_cipa.ops.numba.compile import compile_function, compile_kernel
from nnunet_cipa.ops.numba.kernels.lanes import load, store
from nnunet_cipa.ops.numba.kernels.math import decay_of
from nnunet_cipa.ops.numba.kernels.shuffles import spread
from nnunet_cipa.ops.numba.kernels.steps import (
    add_skip_gradient,
    add_to,
    blocks_of_task,
    buffer,
    channels_of_block,
    clear,
    copy_in,
    copy_out,
    finish_gradients,
    prepare_steps,
    rows_of_block,
    sum_states,
)
from nnunet_cipa.ops.numba.layout import CHUNK, LANES, TILE


@cache
def backward_kernel(width: int, decaying: bool) -> Callable[..., None]:
    """Make the kernel for ``width`` states per channel within the lanes.

    Parameters
    ----------
    width, decaying
        As for ``forward_kernel``.

    Returns
    -------
    callable
        ``kernel(first, last, splits, inputs, grad_y, saved, adjoint, grads)`` runs tasks as the forward kernel does.
        ``saved`` is what that one kept, ``adjoint`` (b, blocks, parts, 16) the gradient of the last state, which is
        overwritten, ``grads`` the ``KernelGradients`` to fill.
    """
    per_block = LANES // width

    def backward(
        first: int, last: int, splits: int, inputs: Any, grad_y: Any, saved: Any, adjoint: Any, grads: Any
    ) -> None:
        length, blocks = inputs.u.shape[2], inputs.A.shape[0]
        u, delta, gy = buffer(per_block, CHUNK), buffer(per_block, CHUNK), buffer(per_block, CHUNK)
        dt, drive = buffer(per_block, CHUNK), buffer(per_block, CHUNK)
        grad_drive, grad_exponent = buffer(per_block, CHUNK), buffer(per_block, CHUNK)
        decays, carried = buffer(CHUNK, LANES), buffer(CHUNK, LANES)
        for task in range(first, last):
            batch, split, first_block, last_block = blocks_of_task(task, splits, inputs)
            B_sum, C_sum = min(split, grads.B.shape[0] - 1), min(split, grads.C.shape[0] - 1)
            for tile in range((saved.shape[0] - 1) // TILE * TILE, -1, -TILE):
                for block in range(first_block, last_block):
                    channel, present = channels_of_block(block, per_block, inputs)
                    B_row, B_step = rows_of_block(inputs.B, block, blocks)
                    C_row, C_step = rows_of_block(inputs.C, block, blocks)
                    clear((dt, drive, gy), present)
                    for chunk in range(min(tile + TILE, saved.shape[0]) - 1, tile - 1, -1):
                        start = chunk * CHUNK
                        steps = min(CHUNK, length - start)
                        clear((grad_drive, grad_exponent), 0)
                        for c in range(present):
                            copy_in(inputs.u, batch, channel + c, start, steps, u, c)
                            copy_in(inputs.delta, batch, channel + c, start, steps, delta, c)
                            copy_in(inputs.delta, batch, channel + c, start, steps, dt, c)
                            copy_in(grad_y, batch, channel + c, start, steps, gy, c)
                            prepare_steps(inputs, channel + c, c, u, dt, drive)
                        for part in range(inputs.A.shape[1]):
                            a = load(inputs.A, (block, part, 0))
                            h = load(saved, (chunk, batch, block, part, 0))
                            B_from = (batch, B_row, start * B_step, part, B_step)
                            _remake(h, a, inputs.B, B_from, (dt, drive, decays, carried), steps, width, decaying)
                            g = load(adjoint, (batch, block, part, 0))
                            grad_a = load(grads.A, (batch, block, part, 0))
                            for t in range(steps - 1, -1, -1):
                                B_at, C_at = (start + t) * B_step, (start + t) * C_step
                                B_t = load(inputs.B, (batch, B_row, B_at, part, 0))
                                gy_t, drive_t = spread(gy, t, width), spread(drive, t, width)
                                before = load(carried, (t, 0))
                                g = g + gy_t * load(inputs.C, (batch, C_row, C_at, part, 0))
                                add_to(grads.C, (C_sum, batch, C_row, C_at, part, 0), gy_t * (before + drive_t * B_t))
                                add_to(grads.B, (B_sum, batch, B_row, B_at, part, 0), g * drive_t)
                                by_exponent = g * before
                                grad_a = grad_a + by_exponent * spread(dt, t, width)
                                # Read for the last time, the two buffers take the terms of two sums over the states.
                                store(carried, (t, 0), g * B_t)
                                g = g * load(decays, (t, 0))
                                store(decays, (t, 0), by_exponent * a)
                            store(adjoint, (batch, block, part, 0), g)
                            store(grads.A, (batch, block, part, 0), grad_a)
                            sum_states(carried, grad_drive, width)
                            sum_states(decays, grad_exponent, width)
                        for c in range(present):
                            finish_gradients(inputs, channel + c, c, (u, delta, dt, gy, grad_drive, grad_exponent))
                            add_skip_gradient(grads.D, (batch, channel + c, 0), c, u, gy)
                            copy_out(grad_drive, c, grads.u, batch, channel + c, start, steps)
                            copy_out(grad_exponent, c, grads.delta, batch, channel + c, start, steps)

    return compile_kernel(backward, width, decaying)


@compile_function
def _remake(h: Any, a: Any, B: Any, B_from: Any, buffers: Any, steps: int, width: int, decaying: bool) -> None:
    """Run a chunk's states again from h on, and keep each step's decay and the decayed state before its input."""
    literally(width)
    batch, row, start, part, stride = B_from
    dt, drive, decays, carried = buffers
    for t in range(steps):
        exponent = spread(dt, t, width) * a
        decay = decay_of(exponent, decaying)
        before = decay * h
        h = before + spread(drive, t, width) * load(B, (batch, row, start + t * stride, part, 0))
        store(decays, (t, 0), decay)
        store(carried, (t, 0), before)
