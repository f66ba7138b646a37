"""What the Triton kernels of the four-direction scan share: a program's part, the walk over the map, loads and scans.

A tile is (STEPS, N_BLOCK, BLOCK): steps of one direction, states, and channels side by side. On a channels-last map the
channels are neighbours in memory, so the threads are channels: each has its steps and states in registers and walks
along the sequence, without a word from any other. States and parameters are laid out alike, (n, d).
"""

import triton
import triton.language as tl

from nnunet_cipa.ops.triton.kernels.math import flip_steps, softplus

# A compiled kernel serves all values of these sizes; of others Triton has one for 1, multiples of 16 and the rest.
SIZES = ("batches", "height", "width", "directions", "direction", "span", "rank")
PIECE = tl.constexpr(8)  # columns of the low-rank step sizes that are multiplied at a time


@triton.jit
def part_of(item, channels, directions, BLOCK: tl.constexpr):
    """Split an item of b * directions * blocks: batch, direction, block of channels, and its channels (BLOCK,)."""
    blocks = tl.cdiv(channels, BLOCK)
    block = item % blocks
    line = item // blocks
    return (line // directions).to(tl.int64), line % directions, block, block * BLOCK + tl.arange(0, BLOCK)


@triton.jit
def positions_of(steps, direction, height, width):
    """Positions h * W + w that a direction visits: rows, columns, rows backwards, columns backwards."""
    steps = tl.where(direction >= 2, height * width - 1 - steps, steps)
    return tl.where(direction % 2 == 1, steps % height * width + steps // height, steps)


@triton.jit
def load_map(maps, positions, channel, channels, inside):
    """Load (STEPS, BLOCK) of a map (h * w, d) in float32."""
    return tl.load(maps + positions[:, None] * channels + channel[None, :], mask=inside, other=0.0).to(tl.float32)


@triton.jit
def store_map(maps, positions, channel, channels, inside, values, add):
    """Undo ``load_map``, or ``add`` to what an earlier launch wrote."""
    place = maps + positions[:, None] * channels + channel[None, :]
    if add:
        values += tl.load(place, mask=inside, other=0.0)
    tl.store(place, values, mask=inside)


@triton.jit
def load_columns(rows, positions, stride, there, size, BLOCK: tl.constexpr):
    """Load columns of the projections at some positions in float32, (STEPS, BLOCK)."""
    column = tl.arange(0, BLOCK)[None, :]
    mask = there[:, None] & (column < size)
    return tl.load(rows + positions[:, None] * stride + column, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_columns(rows, positions, stride, there, values, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """Undo ``load_columns``."""
    column = tl.arange(0, BLOCK)[None, :]
    tl.store(rows + positions[:, None] * stride + column, values, mask=there[:, None] & (column < SIZE))


@triton.jit
def load_states(pointer, line, channel, channels, states, N_BLOCK: tl.constexpr):
    """Load a line of (..., n, d), (N_BLOCK, BLOCK)."""
    n = tl.arange(0, N_BLOCK)[:, None]
    mask = (n < states) & (channel < channels)[None, :]
    return tl.load(pointer + (line * states + n) * channels + channel[None, :], mask=mask, other=0.0)


@triton.jit
def load_entering(pointer, line, spans, channel, channels, STATES: tl.constexpr, N_BLOCK: tl.constexpr):
    """Load what enters a span: zero where there is but one."""
    return load_states(pointer, line, channel, tl.where(spans > 1, channels, 0), STATES, N_BLOCK)


@triton.jit
def store_states(pointer, line, channel, channels, values, STATES: tl.constexpr, N_BLOCK: tl.constexpr):
    """Undo ``load_states``."""
    n = tl.arange(0, N_BLOCK)[:, None]
    mask = (n < STATES) & (channel < channels)[None, :]
    tl.store(pointer + (line * STATES + n) * channels + channel[None, :], values, mask=mask)


@triton.jit
def load_row(pointer, line, channel, channels):
    """Load a line of (..., d), (BLOCK,)."""
    return tl.load(pointer + line * channels + channel, mask=channel < channels, other=0.0)


@triton.jit
def store_row(pointer, line, channel, channels, values):
    """Undo ``load_row``."""
    tl.store(pointer + line * channels + channel, values, mask=channel < channels)


@triton.jit
def raw_steps(rows, positions, stride, there, dt_proj, bias, channel, channels, rank):
    """Step sizes before softplus, (STEPS, BLOCK), from their low rank, PIECE columns at a time."""
    raw = tl.zeros((positions.shape[0], channel.shape[0]), tl.float32) + bias[None, :]
    for first in range(0, rank, PIECE):
        low = load_columns(rows + first, positions, stride, there, rank - first, PIECE)
        weight = load_states(dt_proj + first * channels, 0, channel, channels, rank - first, PIECE)
        raw += tl.sum(low[:, :, None] * weight[None, :, :], axis=1)
    return raw


@triton.jit
def visit(steps, there, direction, height, width, rows, dt_proj, bias, rate, channel, channels, rank,
          STATES: tl.constexpr):  # fmt: skip
    """Where steps of a walk are, their step sizes and decays; dt is 0 where nothing is, which leaves a state as it is.

    Returns positions (STEPS,), a mask, the step sizes before softplus and after, (STEPS, BLOCK), and the decays.
    """
    inside = there[:, None] & (channel < channels)[None, :]
    positions = positions_of(steps, direction, height, width)
    stride = 4 * (rank + 2 * STATES)
    raw = raw_steps(rows, positions, stride, there, dt_proj, bias, channel, channels, rank)
    dt = tl.where(inside, softplus(raw), 0.0)
    return positions, inside, raw, dt, tl.exp2(dt[:, None, :] * rate[None, :, :])


@triton.jit
def is_first(tile):
    """Mask of a tile's first step."""
    return (tl.arange(0, tile.shape[0]) == 0)[:, None, None]


@triton.jit
def last_of(tile):
    """Last step of a tile."""
    size: tl.constexpr = tile.shape[0]
    return tl.sum(tl.where((tl.arange(0, size) == size - 1)[:, None, None], tile, 0.0), axis=0)


@triton.jit
def _combine(decay_1, value_1, before_1, decay_2, value_2, before_2):  # noqa: ARG001
    """Two spans of x_t = decay_t x_{t-1} + value_t as one, and decay_t x_{t-1} of the last step."""
    carried = decay_2 * value_1
    return decay_1 * decay_2, carried + value_2, carried + before_2


@triton.jit
def scan_states(decay, value, start):
    """Run x_t = decay_t x_{t-1} + value_t over a tile; ``start`` (N_BLOCK, BLOCK) enters.

    Returns all x, and all decay_t x_{t-1}: taking value_t from x_t would cancel where the decay is strong.
    """
    carried = tl.where(is_first(decay), decay * start[None, :, :], 0.0)
    _, x, decayed = tl.associative_scan((decay, carried + value, carried), 0, _combine)
    return x, decayed


@triton.jit
def _combine_adjoint(decay_1, value_1, reach_1, sum_1, decay_2, value_2, reach_2, sum_2):  # noqa: ARG001
    """Two spans of a_t = decay_t (a_{t-1} + v_t) as one, and a_{t-1} + v_t = reach_t a + sum_t of the last step.

    One step has reach 1 and sum v_t.
    """
    return decay_1 * decay_2, decay_2 * value_1 + value_2, decay_1 * reach_2, reach_2 * value_1 + sum_2


@triton.jit
def scan_adjoint(decay, value, start):
    """Run g_t = decay_{t+1} g_{t+1} + value_t from the last step to the first, whose product is ``start``.

    Returns all g and, for the tile before, decay_t g_t of the first step.
    """
    decay, value = flip_steps(decay), flip_steps(value)
    value = tl.where(is_first(value), value + start[None, :, :], value)
    one = tl.full(decay.shape, 1.0, tl.float32)
    _, passed, _, g = tl.associative_scan((decay, decay * value, one, value), 0, _combine_adjoint)
    return flip_steps(g), last_of(passed)
