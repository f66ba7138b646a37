"""The forward kernel of the four-direction scan: step sizes, discretisation, scan and skip."""

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
    scan_states,
    store_map,
    store_states,
    visit,
)
from nnunet_cipa.ops.triton.kernels.math import sum_states


@triton.jit(do_not_specialize=[*SIZES, "keep", "chunk_steps"])
def cross_forward_kernel(
    x, projections, dt_proj, dt_bias, A, D, entering, y, saved, keep,
    batches, height, width, channels, directions, direction, span, rank, chunk_steps,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr,
    STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Scan a span of steps in one of the ``directions`` from ``direction`` on, for one block of channels.

    Grid: (b * directions * blocks, ceil(h * w / span)). Reads x (b, h * w, d), projections (b, h * w, 4, R + 2N),
    dt_proj (4, R, d), dt_bias and D (4, d), A (4, n, d) times log2(e), and where there are several spans ``entering``
    (spans, b, directions, n, d), the state before each. Writes y (directions, b, h * w, d), adding from direction 1 on
    to what is there, and to ``keep`` it ``saved`` (chunks, b, directions, n, d), the state before each chunk.
    """
    batch, k, _block, channel = part_of(tl.program_id(0), channels, directions, BLOCK)
    which, line, lines = direction + k, batch * directions + k, batches * directions
    length = height * width
    stride = 4 * (rank + 2 * STATES)
    tokens = projections + (batch * length * 4 + which) * (rank + 2 * STATES)
    weight = dt_proj + which * rank * channels
    rate = load_states(A, which, channel, channels, STATES, N_BLOCK)
    bias = load_row(dt_bias, which, channel, channels)
    skip = load_row(D, which, channel, channels)
    state = load_entering(
        entering, tl.program_id(1) * lines + line, tl.num_programs(1), channel, channels, STATES, N_BLOCK
    )
    x += batch * length * channels
    y += (k * batches + batch) * length * channels
    start = tl.program_id(1) * span
    for step in range(start, tl.minimum(start + span, length), STEPS):
        if (keep != 0) & (step % chunk_steps == 0):
            store_states(saved, step // chunk_steps * lines + line, channel, channels, state, STATES, N_BLOCK)
        steps = step + tl.arange(0, STEPS)
        there = steps < length
        positions, inside, _raw, dt, decay = visit(
            steps, there, which, height, width, tokens, weight, bias, rate, channel, channels, rank, STATES
        )
        value = load_map(x, positions, channel, channels, inside)
        B = load_columns(tokens + rank, positions, stride, there, STATES, N_BLOCK)
        C = load_columns(tokens + (rank + STATES), positions, stride, there, STATES, N_BLOCK)
        states, _decayed = scan_states(decay, (dt * value)[:, None, :] * B[:, :, None], state)
        state = last_of(states)
        out = sum_states(states * C[:, :, None], STATES, N_BLOCK) + skip[None, :] * value
        store_map(y, positions, channel, channels, inside, out, direction > 0)
