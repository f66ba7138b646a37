"""The forward kernel: softplus, discretisation, scan and skip."""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.math import (
    LOG2_E,
    load_matrix,
    load_scalar,
    load_states,
    load_steps,
    scan_tile,
    step_sizes,
    store_states,
    store_steps,
    sum_states,
)


@triton.jit
def forward_kernel(
    u, delta, A, B, C, D, delta_bias, y, saved, last_state,
    length, channels, groups, splits, chunks, span, B_batch, B_group, C_batch, C_group,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr, STEPS: tl.constexpr, LANES: tl.constexpr, SOFTPLUS: tl.constexpr,
    CONSTANT_B: tl.constexpr, CONSTANT_C: tl.constexpr, REVERSE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Scan a span of chunks of one of ``splits`` parts of a group's channels.

    Grid: (b * groups * splits, ceil(chunks / span)). The channels share the chunk's B and C. Writes y (b, d, l), the
    last state (b, d, n) and ``saved`` (chunks, b, d, n), the state before each chunk, which must hold that before each
    span. ``B_batch``, ``B_group`` and those of C are strides.
    """
    per_group = channels // groups
    batch = (tl.program_id(0) // (groups * splits)).to(tl.int64)
    group = tl.program_id(0) // splits % groups
    part = tl.cdiv(per_group, splits)
    first_channel = group * per_group + tl.program_id(0) % splits * part
    last_channel = tl.minimum(first_channel + part, (group + 1) * per_group)
    rows = tl.num_programs(0).to(tl.int64) // (groups * splits) * channels
    first = tl.program_id(1) * span
    t = tl.arange(0, LANES)[None, :] * STEPS + tl.arange(0, STEPS)[:, None]
    B += batch * B_batch + group * B_group
    C += batch * C_batch + group * C_group
    for chunk in range(first, tl.minimum(first + span, chunks)):
        steps = chunk * (STEPS * LANES) + t
        inside = steps < length
        if not CONSTANT_B:
            B_tile = load_matrix(B, steps, inside, length, STATES, N_BLOCK, False, REVERSE)
        if not CONSTANT_C:
            C_tile = load_matrix(C, steps, inside, length, STATES, N_BLOCK, False, REVERSE)
        for channel in tl.range(first_channel, last_channel, num_stages=STAGES):
            row = batch * channels + channel
            value = load_steps(u + row * length, steps, inside, length, REVERSE)
            raw = load_steps(delta + row * length, steps, inside, length, REVERSE)
            dt = step_sizes(raw, load_scalar(delta_bias, channel), inside, SOFTPLUS)
            if CONSTANT_B:
                B_tile = load_matrix(B + channel * STATES, steps, inside, length, STATES, N_BLOCK, True, REVERSE)
            if CONSTANT_C:
                C_tile = load_matrix(C + channel * STATES, steps, inside, length, STATES, N_BLOCK, True, REVERSE)
            exponent = load_states(A, channel, STATES, N_BLOCK) * LOG2_E
            decay = tl.exp2(dt[:, None, :] * exponent[None, :, None])
            before = load_states(saved, chunk * rows + row, STATES, N_BLOCK)
            states, leaving = scan_tile(decay, (dt * value)[:, None, :] * B_tile, before, False)
            out = sum_states(states * C_tile, STATES, N_BLOCK) + load_scalar(D, channel) * value
            store_steps(y + row * length, steps, inside, length, out, REVERSE)
            if chunk + 1 == chunks:
                store_states(last_state, row, leaving, STATES, N_BLOCK)
            elif chunk + 1 < first + span:
                store_states(saved, (chunk + 1) * rows + row, leaving, STATES, N_BLOCK)
        tl.debug_barrier()  # the next chunk's states were stored by other threads
