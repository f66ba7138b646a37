"""The division of a scan into tiles and programs; needs no Triton."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import ScanArguments

MOST_STATES = 128
_WARP = 32
_MOST_STEPS = 8  # consecutive steps of a thread
_MOST_ROWS = 64  # steps times states: the backward kernel holds ten such tiles in the registers of a few warps
_WAVES = 4  # programs for each processor of the GPU, so that one waits for memory while others compute


class Tile(NamedTuple):
    """A chunk of one channel as the kernels hold it: steps of a thread, states (a power of two), threads."""

    steps: int
    states: int
    lanes: int

    @property
    def chunk(self) -> int:
        """Steps of the chunk."""
        return self.steps * self.lanes


class Division(NamedTuple):
    """How a pass over one call is divided into programs.

    Attributes
    ----------
    splits : int
        Parts of the channels of a group. In the backward pass each has gradients of B and C of its own.
    parallel : bool
        Whether the chunks of the sequence run side by side, for which one more pass finds the states between them,
        instead of one after another.
    """

    splits: int
    parallel: bool


def tile_of(length: int, states: int) -> Tile:
    """Choose the tile for a scan."""
    padded = power_of_two(states, MOST_STATES)
    steps = max(min(_MOST_STEPS, _MOST_ROWS // padded), 1)
    if length >= _WARP * steps:  # compared first, so that torch.compile asks one question of a long sequence
        return Tile(steps, padded, _WARP)
    lanes = power_of_two(length, _WARP)
    return Tile(power_of_two(-(-length // lanes), steps), padded, lanes)


def chunks_of(arguments: ScanArguments) -> int:
    """Count the chunks of a scan."""
    length = arguments.u.shape[2]
    return -(-length // tile_of(length, arguments.A.shape[1]).chunk)


def divide(arguments: ScanArguments, *, backward: bool) -> Division:
    """Divide a scan such that all processors of the GPU have work, and no more often than that."""
    batch, channels, _ = arguments.u.shape
    per_group = channels // arguments.groups
    # Each split of the backward pass holds gradients of B and C: together no more than u takes.
    most = max(per_group // (2 * arguments.A.shape[1]), 1) if backward else max(per_group // 4, 1)
    wanted = _WAVES * processors(arguments.u)
    programs = batch * arguments.groups
    parallel = 2 * programs * most < wanted and chunks_of(arguments) > 2
    if parallel:
        programs *= chunks_of(arguments)
    return Division(min(-(-wanted // max(programs, 1)), most), parallel)


def power_of_two(least: int, most: int) -> int:
    """Return the smallest power of two that is at least ``least``, or ``most``."""
    power = 1
    while power < most and power < least:
        power *= 2
    return power


def processors(tensor: Tensor) -> int:
    """Count the multiprocessors of the tensor's GPU; 1 where there is none."""
    if tensor.device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(tensor.device).multi_processor_count)
