"""What enters each span of the four-direction scan, found for all at once, so that spans can run side by side.

Used where batch, directions and channels are too few for the GPU. A span takes the state h (or, walked from its end,
the adjoint of the state) to exp(A sum(dt)) h + r, where r is what it makes of zero. ``cross_span_kernel`` finds r and
sum(dt) of every span, ``cross_carry_kernel`` chains them.
"""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.cross_steps import (
    SIZES,
    last_of,
    load_columns,
    load_map,
    load_row,
    load_states,
    part_of,
    scan_states,
    store_row,
    store_states,
    visit,
)


@triton.jit(do_not_specialize=SIZES)
def cross_span_kernel(
    maps, projections, dt_proj, dt_bias, A, results, totals,
    batches, height, width, channels, directions, direction, span, rank,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr, ADJOINT: tl.constexpr,
    STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Find what each span makes of a zero state, (spans, b, directions, n, d), and its sum of dt, without the n.

    Forward, ``maps`` is x and goes in by B; ADJOINT: the gradient of y by C, from the span's last step to its first.
    Grid and the rest: as for ``cross_forward_kernel``.
    """
    batch, k, _block, channel = part_of(tl.program_id(0), channels, directions, BLOCK)
    which = direction + k
    line = (tl.program_id(1) * batches + batch) * directions + k
    length = height * width
    stride = 4 * (rank + 2 * STATES)
    tokens = projections + (batch * length * 4 + which) * (rank + 2 * STATES)
    weight = dt_proj + which * rank * channels
    rate = load_states(A, which, channel, channels, STATES, N_BLOCK)
    bias = load_row(dt_bias, which, channel, channels)
    maps += batch * length * channels
    start = tl.program_id(1) * span
    end = tl.minimum(start + span, length)
    state = tl.zeros((N_BLOCK, BLOCK), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for step in range(start, end, STEPS):
        steps = step + tl.arange(0, STEPS)
        there = steps < end
        if ADJOINT:
            steps = start + end - 1 - steps
        positions, inside, _raw, dt, decay = visit(
            steps, there, which, height, width, tokens, weight, bias, rate, channel, channels, rank, STATES
        )
        value = load_map(maps, positions, channel, channels, inside)
        offset = rank + STATES if ADJOINT else rank
        matrix = load_columns(tokens + offset, positions, stride, there, STATES, N_BLOCK)
        if ADJOINT:
            states, _decayed = scan_states(decay, decay * (value[:, None, :] * matrix[:, :, None]), state)
        else:
            states, _decayed = scan_states(decay, (dt * value)[:, None, :] * matrix[:, :, None], state)
        state = last_of(states)
        total += tl.sum(dt, axis=0)
    store_states(results, line, channel, channels, state, STATES, N_BLOCK)
    store_row(totals, line, channel, channels, total)


@triton.jit(do_not_specialize=["spans", "batches", "directions", "direction"])
def cross_carry_kernel(
    A, results, totals, entering, spans, batches, channels, directions, direction,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr, ADJOINT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Chain the spans: ``entering`` (spans, b, directions, n, d) is what enters each, zero the first of the walk.

    Grid: b * directions * blocks.
    """
    batch, k, _block, channel = part_of(tl.program_id(0), channels, directions, BLOCK)
    rate = load_states(A, direction + k, channel, channels, STATES, N_BLOCK)
    state = tl.zeros((N_BLOCK, BLOCK), tl.float32)
    for index in range(spans):
        span = spans - 1 - index if ADJOINT else index
        line = (span * batches + batch) * directions + k
        store_states(entering, line, channel, channels, state, STATES, N_BLOCK)
        total = load_row(totals, line, channel, channels)
        result = load_states(results, line, channel, channels, STATES, N_BLOCK)
        state = tl.exp2(total[None, :] * rate) * state + result
