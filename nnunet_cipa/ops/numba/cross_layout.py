"""Layout of a four-direction scan for the numba kernels: sixteen channels side by side, as maps have them."""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.numba.layout import CHUNK, LANES, Floats

STATES_AT_ONCE = 2
TASKS_PER_THREAD = 2


class CrossWeights(NamedTuple):
    """The parameters in blocks of sixteen channels, zero where there is no channel or state.

    dt: (4, blocks, R, 16). bias, D: (4, blocks, 16). A: (4, blocks, N rounded up to even, 16), times log2(e).
    """

    dt: Floats
    bias: Floats
    A: Floats
    D: Floats


class CrossInputs(NamedTuple):
    """What both kernels read; x (b, H * W, d), projections (b, H * W, 4, R + 2N)."""

    x: Floats
    projections: Floats
    height: int
    width: int
    weights: CrossWeights


class CrossLayout:
    """The packing of one call and its division into tasks.

    Parameters
    ----------
    arguments : CrossArguments
        The call, of which only the shapes matter here.
    """

    def __init__(self, arguments: CrossArguments) -> None:
        self.batch, self.height, self.width, self.channels = arguments.x.shape
        self.states = arguments.A.shape[2]
        self.blocks = -(-self.channels // LANES)
        self.chunks = -(-self.height * self.width // CHUNK)
        self.padded_states = self.states + self.states % STATES_AT_ONCE
        self.saved_shape = (max(self.chunks - 1, 0), self.batch, 4, self.blocks, self.padded_states, LANES)

    @property
    def parts(self) -> int:
        """Parts of the batch."""
        return self._division[0]

    @property
    def splits(self) -> int:
        """Splits of the blocks in each part."""
        return self._division[1]

    @cached_property
    def _division(self) -> tuple[int, int]:
        """Divide the batch into parts and the blocks of each into splits: the least work for the busiest thread.

        Of equals, one with more tasks than threads, so that a thread whose core does something else too leaves tasks to
        the others; then the one with the fewest splits: each split reads all projections.
        """
        threads = torch.get_num_threads()

        def cost(division: tuple[int, int]) -> tuple[int, bool, int]:
            parts, splits = division
            rounds = -(-parts * splits // threads)
            busiest = rounds * -(-self.batch // parts) * -(-self.blocks // splits)
            return busiest, threads > 1 and parts * splits < TASKS_PER_THREAD * threads, splits

        divisions = (
            (parts, min(-(-tasks // parts), self.blocks))
            for tasks in (threads, TASKS_PER_THREAD * threads)
            for parts in range(1, min(self.batch, tasks) + 1)
        )
        return min(divisions, key=cost, default=(1, 1))

    def tasks(self) -> npt.NDArray[np.int64]:
        """List a row a task: first and last + 1 of the batch's elements, and of the blocks, that it does; its part.

        A task owns its share of every result, so nothing depends on which thread does it or when.
        """
        batches = [self.batch * part // self.parts for part in range(self.parts + 1)]
        blocks = [self.blocks * split // self.splits for split in range(self.splits + 1)]
        return np.array(
            [
                (batches[part], batches[part + 1], blocks[split], blocks[split + 1], part, split)
                for part in range(self.parts)
                for split in range(self.splits)
            ]
        )

    def pack(self, arguments: CrossArguments) -> CrossInputs:
        """Bring a call into the kernels' layout."""
        A = F.pad(arguments.A.float() * math.log2(math.e), (0, self.padded_states - self.states))
        parameters = (arguments.dt_proj, arguments.dt_bias[..., None], A, arguments.D[..., None])
        dt, bias, packed, D = (self._pack(parameter.float()) for parameter in parameters)
        return CrossInputs(
            floats(arguments.x.flatten(1, 2)),
            floats(arguments.projections.flatten(1, 2)),
            self.height,
            self.width,
            CrossWeights(dt, bias[:, :, 0], packed, D[:, :, 0]),
        )

    def unpack(self, packed: Tensor) -> Tensor:
        """Undo the packing of a parameter: (4, blocks, columns, 16) to (4, d, columns)."""
        return packed.transpose(2, 3).flatten(1, 2)[:, : self.channels]

    def _pack(self, weight: Tensor) -> Floats:
        idle = self.blocks * LANES - self.channels
        return floats(F.pad(weight, (0, 0, 0, idle)).unflatten(1, (self.blocks, LANES)).transpose(2, 3))


def floats(tensor: Tensor) -> Floats:
    """Share a tensor's memory if it is contiguous and in float32, else copy it."""
    array: Floats = tensor.detach().float().contiguous().numpy()
    return array
