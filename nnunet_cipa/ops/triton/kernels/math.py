"""What the Triton kernels share: the step size and its slope, the scan of a tile, loads and stores of a chunk.

A chunk of one channel is a tile (STEPS, N_BLOCK, LANES), step k of lane s being step s * STEPS + k of the chunk: each
thread then has consecutive steps in its registers, the threads of a warp are the lanes, and a scan needs few shuffles.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)
# log1p(e) = 2 s (1 + s^2 P(s^2)) with s = e / (e + 2), a minimax fit over s in [0, 1/3]
_L1, _L2 = tl.constexpr(0.33333206566291973), tl.constexpr(0.20010849536010739)
_L3, _L4 = tl.constexpr(0.13999570403232545), tl.constexpr(0.1401223019745411)


@triton.jit
def softplus(x):
    """log(1 + exp(x)) without a threshold: max(x, 0) + log1p(exp(-|x|))."""
    e = tl.exp2(-tl.abs(x) * LOG2_E)
    s = e / (e + 2.0)
    w = s * s
    tail = (s + s) * (w * (((w * _L4 + _L3) * w + _L2) * w + _L1) + 1.0)
    return tl.where(x < 0, 0.0, x) + tail


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)), the slope of softplus; no power overflows."""
    e = tl.exp2(-tl.abs(x) * LOG2_E)
    return tl.where(x < 0, e, 1.0) / (e + 1.0)


@triton.jit
def combine(decay_1, value_1, decay_2, value_2):
    """Two spans of x_t = decay_t x_{t-1} + value_t as one; nothing is divided by a decay."""
    return decay_1 * decay_2, decay_2 * value_1 + value_2


@triton.jit
def _end(x, AXIS: tl.constexpr, BACKWARDS: tl.constexpr):
    """Slice of ``x`` at the end of an axis that a walk along it reaches last."""
    size: tl.constexpr = x.shape[AXIS]
    index = tl.arange(0, size)
    for _ in tl.static_range(len(x.shape) - 1 - AXIS):
        index = index[:, None]
    return tl.sum(tl.where(index == (0 if BACKWARDS else size - 1), x, 0.0), axis=AXIS)


@triton.jit
def _neighbour(x, edge, BACKWARDS: tl.constexpr):
    """Value of the lane that a walk over the lanes, the last axis, visits before; ``edge`` where there is none."""
    size: tl.constexpr = x.shape[1]
    lane = tl.arange(0, size)[None, :]
    source = tl.minimum(lane + 1, size - 1) if BACKWARDS else tl.maximum(lane - 1, 0)
    moved = tl.gather(x, tl.broadcast_to(source, x.shape), 1)
    return tl.where(lane == (size - 1 if BACKWARDS else 0), edge, moved)


@triton.jit
def _swap_steps(tile, DISTANCE: tl.constexpr):
    """Exchange the steps of a tile whose indices differ in one bit."""
    size: tl.constexpr = tile.shape[0]
    states: tl.constexpr = tile.shape[1]
    lanes: tl.constexpr = tile.shape[2]
    pairs = tl.reshape(tile, (size // (2 * DISTANCE), 2, DISTANCE, states, lanes))
    first, second = tl.split(tl.permute(pairs, (0, 2, 3, 4, 1)))
    return tl.reshape(tl.permute(tl.join(second, first), (0, 4, 1, 2, 3)), (size, states, lanes))


@triton.jit
def flip_steps(tile):
    """Reverse the first axis of a tile: the exchange of registers, where the reverse scan of Triton shuffles."""
    for bit in tl.static_range(5):
        if 2**bit < tile.shape[0]:
            tile = _swap_steps(tile, 2**bit)
    return tile


@triton.jit
def scan_tile(decay, value, start, BACKWARDS: tl.constexpr):
    """Run x_t = decay_t x_{t-1} + value_t over a tile, or from its last step to its first; ``start`` (N_BLOCK,) enters.

    Returns all x and the one that leaves, (N_BLOCK,).
    """
    if BACKWARDS:
        decay, value = flip_steps(decay), flip_steps(value)
    reach, x = tl.associative_scan((decay, value), 0, combine)
    if BACKWARDS:
        reach, x = flip_steps(reach), flip_steps(x)
    lane_reach, lane_x = tl.associative_scan(
        (_end(reach, 0, BACKWARDS), _end(x, 0, BACKWARDS)), 1, combine, reverse=BACKWARDS
    )
    lane_x += lane_reach * start[:, None]
    x += reach * _neighbour(lane_x, start[:, None], BACKWARDS)[None, :, :]
    return x, _end(lane_x, 1, BACKWARDS)


@triton.jit
def sum_along(x, BACKWARDS: tl.constexpr):
    """Sum of (STEPS, LANES) up to each step, itself included; BACKWARDS: from each step on."""
    within = tl.cumsum(x, 0, reverse=BACKWARDS)
    lanes = tl.cumsum(_end(within, 0, BACKWARDS)[None, :], 1, reverse=BACKWARDS)
    return within + _neighbour(lanes, 0.0, BACKWARDS)


@triton.jit
def load_steps(row, steps, inside, length, REVERSE: tl.constexpr):
    """Load steps of a channel in float32, (STEPS, LANES), and 0 where there are none; ``row`` points to its first."""
    place = length - 1 - steps if REVERSE else steps
    return tl.load(row + place, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def store_steps(row, steps, inside, length, values, REVERSE: tl.constexpr):
    """Undo ``load_steps``."""
    place = length - 1 - steps if REVERSE else steps
    tl.store(row + place, values, mask=inside)


@triton.jit
def load_matrix(matrix, steps, inside, length, STATES: tl.constexpr, N_BLOCK: tl.constexpr,
                CONSTANT: tl.constexpr, REVERSE: tl.constexpr):  # fmt: skip
    """B or C of a group in float32, (STEPS, N_BLOCK, LANES), or of a channel where it is CONSTANT, (1, N_BLOCK, 1)."""
    n = tl.arange(0, N_BLOCK)[None, :, None]
    if CONSTANT:
        place, mask = n, n < STATES
    else:
        place = n * length + (length - 1 - steps if REVERSE else steps)[:, None, :]
        mask = (n < STATES) & inside[:, None, :]
    return tl.load(matrix + place, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_matrix(matrix, steps, inside, length, tile, STATES: tl.constexpr, N_BLOCK: tl.constexpr,
                 REVERSE: tl.constexpr):  # fmt: skip
    """Undo ``load_matrix`` of one that varies."""
    n = tl.arange(0, N_BLOCK)[None, :, None]
    place = (length - 1 - steps if REVERSE else steps)[:, None, :]
    tl.store(matrix + n * length + place, tile, mask=(n < STATES) & inside[:, None, :])


@triton.jit
def step_sizes(delta, bias, inside, SOFTPLUS: tl.constexpr):
    """dt; 0 outside of the sequence, which leaves a state as it is."""
    dt = delta + bias
    if SOFTPLUS:
        dt = softplus(dt)
    return tl.where(inside, dt, 0.0)


@triton.jit
def load_scalar(pointer, channel):
    """D or delta_bias of a channel in float32; 0 if not given."""
    value = 0.0
    if pointer is not None:
        value = tl.load(pointer + channel).to(tl.float32)
    return value


@triton.jit
def load_states(pointer, row, STATES: tl.constexpr, N_BLOCK: tl.constexpr):
    """Load the n values of a row of (..., n) in float32, and 0 beyond: (N_BLOCK,)."""
    n = tl.arange(0, N_BLOCK)
    return tl.load(pointer + row * STATES + n, mask=n < STATES, other=0.0).to(tl.float32)


@triton.jit
def store_states(pointer, row, values, STATES: tl.constexpr, N_BLOCK: tl.constexpr):
    """Undo ``load_states``."""
    n = tl.arange(0, N_BLOCK)
    tl.store(pointer + row * STATES + n, values, mask=n < STATES)


@triton.jit
def sum_states(tile, STATES: tl.constexpr, N_BLOCK: tl.constexpr):
    """Sum a tile over its states; what stands where no state is may be infinite or NaN."""
    if STATES < N_BLOCK:
        tile = tl.where((tl.arange(0, N_BLOCK) < STATES)[None, :, None], tile, 0.0)
    return tl.sum(tile, axis=1)
