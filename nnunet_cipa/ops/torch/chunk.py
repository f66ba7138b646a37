"""One chunk of the sequence in PyTorch, time first: tensors (c, b, g, k, n) with g groups of k channels."""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanArguments


class Chunk:
    """What a span of steps needs in both passes.

    Parameters
    ----------
    arguments : ScanArguments
        The whole scan, already in the type of the computation.
    span : slice
        The steps of this chunk; it may reach beyond the end of the sequence.
    """

    def __init__(self, arguments: ScanArguments, span: slice) -> None:
        self.span = span
        self.groups = arguments.groups
        self._varies = arguments.varies
        self.A = grouped(arguments.A[None], self.groups)
        self.B = self._matrix(arguments.B)
        self.C = self._matrix(arguments.C)
        self.u = self.time_first(arguments.u)
        raw = self.time_first(arguments.delta)
        if arguments.delta_bias is not None:
            raw = raw + arguments.delta_bias.view(self.groups, -1)
        self._raw = raw if arguments.delta_softplus else None
        self.dt = F.softplus(raw) if arguments.delta_softplus else raw
        self.decay = torch.exp(self.dt[..., None] * self.A)

    @cached_property
    def dt_slope(self) -> Tensor | float:
        """Derivative of dt by delta."""
        return 1.0 if self._raw is None else torch.sigmoid(self._raw)

    def states(self, before: Tensor) -> Tensor:
        """Return the states (c, b, g, k, n) that follow ``before`` (b, d, n)."""
        states = (self.dt * self.u)[..., None] * self.B
        states[0].addcmul_(self.decay[0], grouped(before, self.groups))
        scan_(self.decay, states)
        return states

    def time_first(self, sequence: Tensor) -> Tensor:
        """Take this chunk's steps of (b, d, l) as (c, b, g, k)."""
        return grouped(sequence[:, :, self.span].permute(2, 0, 1).contiguous(), self.groups, axis=2)

    def add_matrix_gradient(self, total: Tensor, terms: Tensor) -> None:
        """Add ``terms`` (c, b, g, k, n) to the gradient of B or C, itself (b, g, n, l) or (b, d, n, 1)."""
        if self._varies(total):
            total[..., self.span] += terms.sum(3).permute(1, 2, 3, 0)
        else:
            total += terms.sum(0).flatten(1, 2)[..., None]

    def _matrix(self, matrix: Tensor) -> Tensor:
        if self._varies(matrix):
            return matrix[..., self.span].permute(3, 0, 1, 2).contiguous()[:, :, :, None]
        return grouped(matrix[..., 0], self.groups)[None]


def grouped(tensor: Tensor, groups: int, axis: int = 1) -> Tensor:
    """Split the axis of channels into groups and channels a group."""
    return tensor.unflatten(axis, (groups, -1))


def time_last(sequence: Tensor) -> Tensor:
    """Turn (c, b, g, k) into (b, d, c)."""
    return sequence.flatten(2, 3).permute(1, 2, 0)


def scan_(decay: Tensor, values: Tensor, *, reverse: bool = False) -> None:
    """Run x_t = v_t + a_t x_{t-1} in place over axis 0, by doubling the reach (Hillis and Steele 1986).

    Parameters
    ----------
    decay : Tensor
        a_t, left as it is.
    values : Tensor
        v_t on entry, x_t on return.
    reverse : bool
        Run x_t = v_t + a_{t+1} x_{t+1} instead.
    """
    reach, products = 1, decay[1:]
    while reach < len(values):
        early, late = values[:-reach], values[reach:]
        target, source = (early, late) if reverse else (late, early)
        target.copy_(torch.addcmul(target, products, source))
        products = products[reach:] * products[:-reach]
        reach *= 2
