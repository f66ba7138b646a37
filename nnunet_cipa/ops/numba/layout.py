"""How a scan is laid out for the numba kernels: channels and states side by side in rows of 16 lanes.

A lane is one state of one channel. With n <= 16 states, rounded up to a power of two (the width), a row holds
16 / width channels of one group: a block. With more states a block is one channel and has several rows: parts.
Lanes without a channel or state hold zeros.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanArguments

LANES = 16
CHUNK = 64  # steps a chunk, after each of which the state is kept: what it needs fits the first-level cache
TILE = 16  # chunks that all channels do before the next ones: long enough to read memory in runs of a page

Floats = npt.NDArray[np.float32]


class KernelInputs(NamedTuple):
    """What both kernels read.

    u, delta: (b, d, l). A: (blocks, parts, 16), times log2(e). B, C: (b, groups or blocks, steps, parts, 16), the
    steps rounded up to a multiple of 16, or 1 if they are constant. D, delta_bias: (d,), or empty for none.
    """

    u: Floats
    delta: Floats
    A: Floats
    B: Floats
    C: Floats
    D: Floats
    delta_bias: Floats
    delta_softplus: bool


class KernelGradients(NamedTuple):
    """What the backward kernel fills; all but u and delta must hold zeros before.

    u, delta: (b, d, l). A: (b, blocks, parts, 16). B, C: (partial sums, then as the inputs). D: (b, d, 16), to be
    summed over the last axis.
    """

    u: Floats
    delta: Floats
    A: Floats
    B: Floats
    C: Floats
    D: Floats


class Layout:
    """The packing of one scan's channels and states.

    Parameters
    ----------
    arguments : ScanArguments
        The scan, of which only the shapes matter here.
    """

    def __init__(self, arguments: ScanArguments) -> None:
        self.channels, self.states = arguments.A.shape
        self._varies = arguments.varies
        self.groups = arguments.groups
        self.width = next(width for width in (1, 2, 4, 8, LANES) if width >= min(self.states, LANES))
        self.parts = -(-self.states // LANES)
        self.per_group = self.channels // self.groups
        self.per_block = LANES // self.width
        self.blocks_per_group = -(-self.per_group // self.per_block)
        self.blocks = self.groups * self.blocks_per_group

    def pack_channels(self, tensor: Tensor) -> Tensor:
        """Pack (..., d, n) to (..., blocks, parts, 16)."""
        tensor = tensor.unflatten(-2, (self.groups, self.per_group))
        idle = self.blocks_per_group * self.per_block - self.per_group
        tensor = F.pad(tensor, (0, self.parts * self.width - self.states, 0, idle))
        return tensor.reshape(*tensor.shape[:-3], self.blocks, self.parts, LANES)

    def unpack_channels(self, packed: Tensor) -> Tensor:
        """Undo ``pack_channels``."""
        shape = (self.groups, self.blocks_per_group * self.per_block, self.parts * self.width)
        tensor = packed.reshape(*packed.shape[:-3], *shape)
        return tensor[..., : self.per_group, : self.states].flatten(-3, -2)

    def pack_matrix(self, matrix: Tensor) -> Tensor:
        """Pack B or C, (b, g, n, l) or (b, d, n, 1), to (b, groups or blocks, steps, parts, 16), zeros at the end."""
        if not self._varies(matrix):
            return self.pack_channels(matrix[..., 0])[:, :, None].contiguous()
        batch, groups, states, length = matrix.shape
        padded = -(-length // LANES) * LANES
        packed = matrix.new_zeros(batch, groups, padded, self.per_block, self.parts * self.width)
        packed[:, :, :length, :, :states] = matrix.transpose(2, 3)[:, :, :, None]
        return packed.view(batch, groups, padded, self.parts, LANES)

    def unpack_matrix_gradient(self, packed: Tensor, matrix: Tensor) -> Tensor:
        """Turn the gradient of what ``pack_matrix`` made into that of B or C."""
        if not self._varies(matrix):
            return self.unpack_channels(packed[:, :, 0])[..., None]
        steps = (
            packed[:, :, : matrix.shape[3]].flatten(3).unflatten(3, (self.per_block, self.parts * self.width)).sum(3)
        )
        return steps[..., : self.states].transpose(2, 3)

    def partial_sums(self, matrix: Tensor, splits: int) -> int:
        """Give how many partial gradients of B or C are needed so that no two tasks write to the same."""
        return splits if self._varies(matrix) else 1
