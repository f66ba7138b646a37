"""The backward kernel: a chunk's states computed again, its adjoint scan, and all gradients."""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.math import (
    LN_2,
    LOG2_E,
    load_matrix,
    load_scalar,
    load_states,
    load_steps,
    scan_tile,
    sigmoid,
    step_sizes,
    store_matrix,
    store_states,
    store_steps,
    sum_states,
)


@triton.jit
def _add_or_store(sums, tile, gradient, row, STATES: tl.constexpr, N_BLOCK: tl.constexpr, CONSTANT: tl.constexpr):
    """Add a channel's gradient of B or C to the chunk's, or store it, summed over the steps, where CONSTANT."""
    if CONSTANT:
        store_states(gradient, row, tl.sum(tl.sum(tile, axis=0), axis=1), STATES, N_BLOCK)
    else:
        sums += tile
    return sums


@triton.jit
def backward_kernel(  # noqa: C901, PLR0915 - the settings' branches; what is kept in registers is in one place
    u, delta, A, B, C, D, delta_bias, grad_y, saved, adjoint,
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias,
    length, channels, groups, splits, chunks, span, B_batch, B_group, C_batch, C_group,
    STATES: tl.constexpr, N_BLOCK: tl.constexpr, STEPS: tl.constexpr, LANES: tl.constexpr, SOFTPLUS: tl.constexpr,
    CONSTANT_B: tl.constexpr, CONSTANT_C: tl.constexpr, REVERSE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Differentiate a span of chunks of one of ``splits`` parts of a group's channels.

    Grid: (b * groups * splits, ceil(chunks / span)). ``saved`` (chunks, b, d, n) is the state before each chunk.
    ``adjoint`` (chunks, b, d, n), exp(dt_{t+1} A) g_{t+1} behind each chunk's last step t, must hold that of each
    span's last chunk. Writes grad_u and grad_delta (b, d, l), grad_A (chunks, b, d, n), grad_D and grad_bias
    (chunks, b, d), and grad_B and grad_C: (splits, b, groups, n, l), or (chunks, b, d, n) where constant.
    """
    per_group = channels // groups
    batch = (tl.program_id(0) // (groups * splits)).to(tl.int64)
    group = tl.program_id(0) // splits % groups
    split = tl.program_id(0) % splits
    part = tl.cdiv(per_group, splits)
    first_channel = group * per_group + split * part
    last_channel = tl.minimum(first_channel + part, (group + 1) * per_group)
    batches = tl.num_programs(0).to(tl.int64) // (groups * splits)
    rows = batches * channels
    last = tl.minimum((tl.program_id(1) + 1) * span, chunks)
    count = last - tl.program_id(1) * span
    place = tl.arange(0, LANES)[None, :] * STEPS + tl.arange(0, STEPS)[:, None]
    B += batch * B_batch + group * B_group
    C += batch * C_batch + group * C_group
    sums = ((split * batches + batch) * groups + group) * STATES * length
    for index in range(count):
        chunk = last - 1 - index
        steps = chunk * (STEPS * LANES) + place
        inside = steps < length
        before = inside & (place > 0)
        after = inside & (place + 1 < STEPS * LANES) & (steps + 1 < length)
        sum_B = tl.zeros((STEPS, N_BLOCK, LANES), tl.float32)
        sum_C = tl.zeros((STEPS, N_BLOCK, LANES), tl.float32)
        if not CONSTANT_B:
            B_tile = load_matrix(B, steps, inside, length, STATES, N_BLOCK, False, REVERSE)
            B_before = load_matrix(B, steps - 1, before, length, STATES, N_BLOCK, False, REVERSE)
        if not CONSTANT_C:
            C_tile = load_matrix(C, steps, inside, length, STATES, N_BLOCK, False, REVERSE)
        for channel in tl.range(first_channel, last_channel, num_stages=STAGES):
            row = batch * channels + channel
            state_row = chunk * rows + row
            bias = load_scalar(delta_bias, channel)
            rate = load_states(A, channel, STATES, N_BLOCK) * LOG2_E
            exponent = rate[None, :, None]
            value = load_steps(u + row * length, steps, inside, length, REVERSE)
            raw = load_steps(delta + row * length, steps, inside, length, REVERSE)
            out = load_steps(grad_y + row * length, steps, inside, length, REVERSE)
            dt = step_sizes(raw, bias, inside, SOFTPLUS)
            drive = (dt * value)[:, None, :]
            if CONSTANT_B:
                B_tile = load_matrix(B + channel * STATES, steps, inside, length, STATES, N_BLOCK, True, REVERSE)
                B_before = B_tile
            if CONSTANT_C:
                C_tile = load_matrix(C + channel * STATES, steps, inside, length, STATES, N_BLOCK, True, REVERSE)

            # The state decayed by each step but without its input: taking the input from the state that includes it
            # would cancel where the decay is strong. So the scan runs over the inputs of one step before.
            raw_before = load_steps(delta + row * length, steps - 1, before, length, REVERSE)
            u_before = load_steps(u + row * length, steps - 1, before, length, REVERSE)
            drive_before = (step_sizes(raw_before, bias, before, SOFTPLUS) * u_before)[:, None, :]
            decay = tl.exp2(dt[:, None, :] * exponent)
            entering = load_states(saved, state_row, STATES, N_BLOCK)
            decayed, _ = scan_tile(decay, decay * (drive_before * B_before), entering, False)
            by_C = out[:, None, :] * (decayed + drive * B_tile)

            raw_after = load_steps(delta + row * length, steps + 1, after, length, REVERSE)
            decay_after = tl.exp2(step_sizes(raw_after, bias, after, SOFTPLUS)[:, None, :] * exponent)
            entering = load_states(adjoint, state_row, STATES, N_BLOCK)
            grad_state, first_grad = scan_tile(decay_after, out[:, None, :] * C_tile, entering, True)
            by_B = grad_state * drive
            by_exponent = grad_state * decayed

            sum_B = _add_or_store(sum_B, by_B, grad_B, state_row, STATES, N_BLOCK, CONSTANT_B)
            sum_C = _add_or_store(sum_C, by_C, grad_C, state_row, STATES, N_BLOCK, CONSTANT_C)
            by_rate = tl.sum(tl.sum(by_exponent * dt[:, None, :], axis=0), axis=1)
            store_states(grad_A, state_row, by_rate, STATES, N_BLOCK)
            by_drive = sum_states(grad_state * B_tile, STATES, N_BLOCK)
            by_delta = sum_states(by_exponent * exponent, STATES, N_BLOCK) * LN_2 + by_drive * value
            if SOFTPLUS:
                by_delta *= sigmoid(raw + bias)
            by_delta = tl.where(inside, by_delta, 0.0)
            by_u = by_drive * dt + load_scalar(D, channel) * out
            store_steps(grad_delta + row * length, steps, inside, length, by_delta, REVERSE)
            store_steps(grad_u + row * length, steps, inside, length, by_u, REVERSE)
            tl.store(grad_D + state_row, tl.sum(tl.sum(out * value, axis=0), axis=0))
            tl.store(grad_bias + state_row, tl.sum(tl.sum(by_delta, axis=0), axis=0))
            if index + 1 < count:
                first_dt = tl.sum(tl.sum(tl.where(place == 0, dt, 0.0), axis=0), axis=0)
                store_states(adjoint, state_row - rows, tl.exp2(first_dt * rate) * first_grad, STATES, N_BLOCK)
        if not CONSTANT_B:
            store_matrix(grad_B + sums, steps, inside, length, sum_B, STATES, N_BLOCK, REVERSE)
        if not CONSTANT_C:
            store_matrix(grad_C + sums, steps, inside, length, sum_C, STATES, N_BLOCK, REVERSE)
        tl.debug_barrier()  # the next chunk's adjoints were stored by other threads
