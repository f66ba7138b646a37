"""The backward kernel of the four directions: a chunk's states computed again, its adjoint scan, all gradients."""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.cross_steps import (
    SIZES,
    last_of,
    load_columns,
    load_entering,
    load_map,
    load_row,
    load_states,
    part_of,
    scan_adjoint,
    scan_states,
    store_columns,
    store_map,
    store_row,
    store_states,
    visit,
)
from nnunet_cipa.ops.triton.kernels.math import LN_2, sigmoid, sum_states


@triton.jit(do_not_specialize=[*SIZES, "chunk_steps"])
def cross_backward_kernel(  # noqa: PLR0915 - what is kept in registers is in one place
    x, projections, dt_proj, dt_bias, A, D, grad_y, saved, entering, scratch,
    grad_x, grad_raw, grad_bias, grad_A, grad_D, grad_B, grad_C,
    batches, height, width, channels, directions, direction, span, rank, chunk_steps,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr,
    STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Differentiate a span of steps in one of the ``directions`` from ``direction`` on, for one block of channels.

    Grid: any number of programs, each of which takes one such item after another and has ``scratch`` (programs,
    tiles of a chunk, N_BLOCK, BLOCK) for itself. Reads what ``cross_forward_kernel`` reads and has ``saved``, the
    gradient of y (b, h * w, d), and where there are several spans ``entering`` (spans, b, directions, n, d),
    exp(dt_{t+1} A) g_{t+1} behind each one's last step t.

    Writes grad_x and grad_raw, that by the step sizes before softplus, (directions, b, h * w, d), adding to grad_x from
    direction 1 on; grad_bias and grad_D (spans, b, directions, d), grad_A (spans, b, directions, n, d); and grad_B and
    grad_C, the halves of (blocks, b, h * w, directions, 2N).
    """
    blocks = tl.cdiv(channels, BLOCK)
    length = height * width
    lines = batches * directions
    stride = 4 * (rank + 2 * STATES)
    own = tl.program_id(0).to(tl.int64) * (chunk_steps // STEPS)
    place = tl.arange(0, BLOCK)
    spans = tl.cdiv(length, span)
    for item in range(tl.program_id(0), spans * lines * blocks, tl.num_programs(0)):
        batch, k, block, channel = part_of(item % (lines * blocks), channels, directions, BLOCK)
        part = item // (lines * blocks)
        which = direction + k
        line = batch * directions + k
        tokens = projections + (batch * length * 4 + which) * (rank + 2 * STATES)
        weight = dt_proj + which * rank * channels
        rate = load_states(A, which, channel, channels, STATES, N_BLOCK)
        bias = load_row(dt_bias, which, channel, channels)
        skip = load_row(D, which, channel, channels)
        adjoint = load_entering(entering, part * lines + line, spans, channel, channels, STATES, N_BLOCK)
        sum_A = tl.zeros((N_BLOCK, BLOCK), tl.float32)
        sum_bias = tl.zeros((BLOCK,), tl.float32)
        sum_D = tl.zeros((BLOCK,), tl.float32)
        x_map = x + batch * length * channels
        y_map = grad_y + batch * length * channels
        own_map = (k * batches + batch) * length * channels
        rows = ((block * batches + batch) * length * directions + k) * (2 * STATES)
        end = tl.minimum((part + 1) * span, length)
        first_chunk = part * span // chunk_steps
        for index in range(tl.cdiv(end, chunk_steps) - first_chunk):
            chunk = tl.cdiv(end, chunk_steps) - 1 - index
            tiles = tl.cdiv(tl.minimum(length - chunk * chunk_steps, chunk_steps), STEPS)
            state = load_states(saved, chunk * lines + line, channel, channels, STATES, N_BLOCK)
            for tile in range(tiles):
                store_states(scratch, own + tile, place, BLOCK, state, N_BLOCK, N_BLOCK)
                steps = chunk * chunk_steps + tile * STEPS + tl.arange(0, STEPS)
                there = steps < length
                positions, inside, _raw, dt, decay = visit(
                    steps, there, which, height, width, tokens, weight, bias, rate, channel, channels,
                    rank, STATES,
                )  # fmt: skip
                drive = dt * load_map(x_map, positions, channel, channels, inside)
                B = load_columns(tokens + rank, positions, stride, there, STATES, N_BLOCK)
                states, _decayed = scan_states(decay, drive[:, None, :] * B[:, :, None], state)
                state = last_of(states)
            tl.debug_barrier()  # the states may be read by other threads than stored them
            for turn in range(tiles):
                tile = tiles - 1 - turn
                steps = chunk * chunk_steps + tile * STEPS + tl.arange(0, STEPS)
                there = steps < length
                positions, inside, raw, dt, decay = visit(
                    steps, there, which, height, width, tokens, weight, bias, rate, channel, channels,
                    rank, STATES,
                )  # fmt: skip
                value = load_map(x_map, positions, channel, channels, inside)
                out = load_map(y_map, positions, channel, channels, inside)
                drive = dt * value
                B = load_columns(tokens + rank, positions, stride, there, STATES, N_BLOCK)
                C = load_columns(tokens + (rank + STATES), positions, stride, there, STATES, N_BLOCK)
                state = load_states(scratch, own + tile, place, BLOCK, N_BLOCK, N_BLOCK)
                states, decayed = scan_states(decay, drive[:, None, :] * B[:, :, None], state)
                by_C = tl.sum(states * out[:, None, :], axis=2)
                store_columns(grad_C + rows, positions, directions * (2 * STATES), there, by_C, STATES, N_BLOCK)
                g, adjoint = scan_adjoint(decay, out[:, None, :] * C[:, :, None], adjoint)
                by_B = tl.sum(g * drive[:, None, :], axis=2)
                store_columns(grad_B + rows, positions, directions * (2 * STATES), there, by_B, STATES, N_BLOCK)
                by_drive = sum_states(g * B[:, :, None], STATES, N_BLOCK)
                by_exponent = g * decayed
                sum_A += tl.sum(by_exponent * dt[:, None, :], axis=0)
                by_raw = sum_states(by_exponent * rate[None, :, :], STATES, N_BLOCK) * LN_2 + by_drive * value
                by_raw = tl.where(inside, by_raw * sigmoid(raw), 0.0)
                by_x = by_drive * dt + skip[None, :] * out
                store_map(grad_raw + own_map, positions, channel, channels, inside, by_raw, False)
                store_map(grad_x + own_map, positions, channel, channels, inside, by_x, direction > 0)
                sum_bias += tl.sum(by_raw, axis=0)
                sum_D += tl.sum(out * value, axis=0)
            tl.debug_barrier()  # the next chunk's states go where these were
        store_states(grad_A, part * lines + line, channel, channels, sum_A, STATES, N_BLOCK)
        store_row(grad_bias, part * lines + line, channel, channels, sum_bias)
        store_row(grad_D, part * lines + line, channel, channels, sum_D)
