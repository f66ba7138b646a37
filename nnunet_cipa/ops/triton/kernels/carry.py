"""The state that enters each chunk of the sequence, found for all at once, so that the chunks can run side by side.

A chunk takes the state h (or, walked from its end, the adjoint of the state) to exp(A sum(dt)) h + r, where r is what
it makes of zero. ``chunk_kernel`` finds r and sum(dt) of every chunk, ``carry_kernel`` chains them.
"""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.math import (
    LOG2_E,
    combine,
    load_matrix,
    load_scalar,
    load_states,
    load_steps,
    step_sizes,
    store_states,
    sum_along,
)


@triton.jit
def chunk_kernel(
    x, delta, A, matrix, delta_bias, results, totals,
    length, channels, groups, splits, matrix_batch, matrix_group,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr, STEPS: tl.constexpr, LANES: tl.constexpr, SOFTPLUS: tl.constexpr,
    CONSTANT: tl.constexpr, ADJOINT: tl.constexpr, REVERSE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Find what each chunk makes of a zero state: a sum weighted by the decays to come, which needs no scan of states.

    Forward, ``x`` is u and ``matrix`` is B; ADJOINT: the gradient of y and C. Grid: (b * groups * splits, chunks).
    Writes results (chunks, b, d, n) and totals of dt (chunks, b, d).
    """
    per_group = channels // groups
    batch = (tl.program_id(0) // (groups * splits)).to(tl.int64)
    group = tl.program_id(0) // splits % groups
    part = tl.cdiv(per_group, splits)
    first_channel = group * per_group + tl.program_id(0) % splits * part
    last_channel = tl.minimum(first_channel + part, (group + 1) * per_group)
    rows = tl.num_programs(0).to(tl.int64) // (groups * splits) * channels
    chunk = tl.program_id(1)
    place = tl.arange(0, LANES)[None, :] * STEPS + tl.arange(0, STEPS)[:, None]
    steps = chunk * (STEPS * LANES) + place
    inside = steps < length
    later = inside & (place + 1 < STEPS * LANES) & (steps + 1 < length)
    matrix += batch * matrix_batch + group * matrix_group
    if not CONSTANT:
        tile = load_matrix(matrix, steps, inside, length, STATES, N_BLOCK, False, REVERSE)
    for channel in tl.range(first_channel, last_channel, num_stages=STAGES):
        row = batch * channels + channel
        bias = load_scalar(delta_bias, channel)
        value = load_steps(x + row * length, steps, inside, length, REVERSE)
        dt = step_sizes(load_steps(delta + row * length, steps, inside, length, REVERSE), bias, inside, SOFTPLUS)
        if ADJOINT:
            weight = sum_along(dt, False)
        else:
            # The steps after each, added up: taking a step's own dt from a sum that includes it would cancel.
            following = load_steps(delta + row * length, steps + 1, later, length, REVERSE)
            weight = sum_along(step_sizes(following, bias, later, SOFTPLUS), True)
            value *= dt
        if CONSTANT:
            tile = load_matrix(matrix + channel * STATES, steps, inside, length, STATES, N_BLOCK, True, REVERSE)
        exponent = load_states(A, channel, STATES, N_BLOCK) * LOG2_E
        terms = tl.exp2(weight[:, None, :] * exponent[None, :, None]) * (value[:, None, :] * tile)
        store_states(results, chunk * rows + row, tl.sum(tl.sum(terms, axis=0), axis=1), STATES, N_BLOCK)
        tl.store(totals + chunk * rows + row, tl.sum(tl.sum(dt, axis=0), axis=0))


@triton.jit
def carry_kernel(
    A, results, totals, start, carried, chunks, channels, rows,
    STATES: tl.constexpr, ADJOINT: tl.constexpr, BLOCK_CHUNKS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Chain the chunks: ``carried`` (chunks, b, d, n) is what enters each, in the order of the walk.

    ``start`` (b, d, n) enters the first (ADJOINT: the last); None is zero. ``rows`` is b * d. Grid: blocks of rows * n.
    """
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    lanes = rows * STATES
    present = lane < lanes
    row = lane // STATES
    exponent = tl.load(A + row % channels * STATES + lane % STATES, mask=present, other=0.0).to(tl.float32) * LOG2_E
    if start is None:
        state = tl.zeros((BLOCK,), tl.float32)
    else:
        state = tl.load(start + lane, mask=present, other=0.0).to(tl.float32)
    step = tl.arange(0, BLOCK_CHUNKS)
    entry = (chunks - 1 if ADJOINT else 0) * tl.full((), 1, tl.int64)
    tl.store(carried + entry * lanes + lane, state, mask=present)
    for first in range(0, chunks, BLOCK_CHUNKS):
        index = first + step
        chunk = (chunks - 1 - index if ADJOINT else index).to(tl.int64)
        mask = (index < chunks)[:, None] & present[None, :]
        total = tl.load(totals + (chunk * rows)[:, None] + row[None, :], mask=mask, other=0.0)
        result = tl.load(results + (chunk * lanes)[:, None] + lane[None, :], mask=mask, other=0.0)
        reach, states = tl.associative_scan((tl.exp2(total * exponent[None, :]), result), 0, combine)
        states += reach * state[None, :]
        next_chunk = chunk - 1 if ADJOINT else chunk + 1
        mask = (index + 1 < chunks)[:, None] & present[None, :]
        tl.store(carried + (next_chunk * lanes)[:, None] + lane[None, :], states, mask=mask)
        state = tl.sum(tl.where((step == BLOCK_CHUNKS - 1)[:, None], states, 0.0), axis=0)
