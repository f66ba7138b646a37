"""The division of a four-direction scan into launches, spans and chunks; needs no Triton."""

from typing import NamedTuple

from torch import Tensor

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.triton.layout import MOST_STATES, power_of_two, processors

BLOCK = 32  # channels of a program, the threads of a warp
_CHUNK = 64  # steps between the states that are kept for the backward pass: with 16 states a map in float32
_LEAST_CHUNK = 8
_FEW = 2**23  # elements of x up to which the directions run side by side, each into a map of its own: 128 MiB
_WARPS = 8  # programs wanted for each processor of the GPU


class CrossLayout(NamedTuple):
    """How one call is divided.

    Attributes
    ----------
    together : int
        Directions of one launch: four, or one, which then adds to what the one before wrote.
    chunk : int
        Steps of a chunk, a power of two.
    spans : int
        Parts of the sequence that run side by side, for which one more pass finds the states between them.
    span : int
        Steps of a part, whole chunks.
    states : int
        N rounded up to a power of two.
    """

    together: int
    chunk: int
    spans: int
    span: int
    states: int


def layout_of(arguments: CrossArguments) -> CrossLayout:
    """Divide a call such that the processors of the GPU have work."""
    batch, height, width, channels = arguments.x.shape
    length, together, chunk = height * width, directions_of(arguments), chunk_of(arguments)
    programs = batch * together * -(-channels // BLOCK)
    wanted = _WARPS * processors(arguments.x)
    chunks = -(-length // chunk)
    spans = min(-(-wanted // max(programs, 1)), chunks) if 2 * programs <= wanted else 1
    span = -(-chunks // max(spans, 1)) * chunk
    return CrossLayout(together, chunk, -(-length // span), span, power_of_two(arguments.A.shape[2], MOST_STATES))


def directions_of(arguments: CrossArguments) -> int:
    """Count the directions of one launch."""
    return 4 if arguments.x.numel() <= _FEW else 1


def chunk_of(arguments: CrossArguments) -> int:
    """Count the steps between the states that are kept."""
    length = arguments.x.shape[1] * arguments.x.shape[2]
    if length >= _CHUNK:  # compared first, so that torch.compile asks one question of a large map
        return _CHUNK
    return max(power_of_two(length, _CHUNK), _LEAST_CHUNK)


def saved_shape_of(arguments: CrossArguments) -> tuple[int, ...]:
    """Shape of the states before every chunk: (launches, chunks, b, directions of a launch, n, d)."""
    batch, height, width, channels = arguments.x.shape
    together = directions_of(arguments)
    chunks = -(-height * width // chunk_of(arguments))
    return (4 // together, chunks, batch, together, arguments.A.shape[2], channels)


def programs_at_once(x: Tensor) -> int:
    """Programs of the backward pass that are on the GPU at one time, each with states of its own between chunks."""
    return 2 * _WARPS * processors(x)
