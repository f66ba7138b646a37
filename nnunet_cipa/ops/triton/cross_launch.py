"""The launches of the four-direction kernels."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.triton.cross_layout import BLOCK, layout_of, programs_at_once
from nnunet_cipa.ops.triton.kernels.cross_backward import cross_backward_kernel
from nnunet_cipa.ops.triton.kernels.cross_carry import cross_carry_kernel, cross_span_kernel
from nnunet_cipa.ops.triton.kernels.cross_forward import cross_forward_kernel

# Values of a tile for each thread; more spill registers. These, on one warp, were the fastest on an H100 for every map
# of CIPA tiny at 512 x 512, or within 2 %; fewer or more warps took up to 3.6 times as long forward and 8 backward.
_VALUES = {cross_forward_kernel: 64, cross_span_kernel: 64, cross_backward_kernel: 32}
_MOST_STEPS = 8  # of a tile


class CrossGradients(NamedTuple):
    """What the backward kernel fills for the directions of one launch.

    x, raw: (directions, b, h * w, d). bias, D: (spans, b, directions, d). A: (spans, b, directions, n, d).
    matrices: (blocks, b, h * w, directions, 2N), of B and C.
    """

    x: Tensor
    raw: Tensor
    bias: Tensor
    A: Tensor
    D: Tensor
    matrices: Tensor


class CrossScan:
    """One call, ready for the kernels.

    Parameters
    ----------
    arguments : CrossArguments
        The call.
    """

    def __init__(self, arguments: CrossArguments) -> None:
        self.layout = layout_of(arguments)
        self.batch, self.height, self.width, self.channels = arguments.x.shape
        self.rank, self.states = arguments.dt_proj.shape[2], arguments.A.shape[2]
        self.blocks = -(-self.channels // BLOCK)
        self.x, self.projections = arguments.x.contiguous(), arguments.projections.contiguous()
        # As the kernels read all that has channels: these last.
        self.dt_proj = arguments.dt_proj.float().transpose(1, 2).contiguous()
        self.A = (arguments.A.float() * math.log2(math.e)).transpose(1, 2).contiguous()
        self.dt_bias, self.D = arguments.dt_bias.float().contiguous(), arguments.D.float().contiguous()

    def empty(self, *shape: int) -> Tensor:
        """Make room for results, in float32."""
        return torch.empty(shape, dtype=torch.float32, device=self.x.device)

    def maps(self) -> Tensor:
        """Make room for a map of each direction of a launch, (directions, b, h * w, d)."""
        return self.empty(self.layout.together, self.batch, self.height * self.width, self.channels)

    def gradients(self, x: Tensor, raw: Tensor) -> CrossGradients:
        """Make room for gradients beside two maps that may serve several launches."""
        rows = (self.layout.spans, self.batch, self.layout.together)
        return CrossGradients(
            x,
            raw,
            self.empty(*rows, self.channels),
            self.empty(*rows, self.states, self.channels),
            self.empty(*rows, self.channels),
            self.empty(self.blocks, self.batch, self.height * self.width, self.layout.together, 2 * self.states),
        )

    def forward(self, direction: int, y: Tensor, saved: Tensor | None) -> None:
        """Scan the directions of one launch from ``direction`` on; see ``cross_forward_kernel``."""
        entering = self._enter_spans(self.x, direction, adjoint=False)
        cross_forward_kernel[self._grid](
            *self._inputs, self.D, entering, y, y if saved is None else saved, int(saved is not None),
            *self._sizes(direction), self.layout.chunk, **self._constants(cross_forward_kernel),
        )  # fmt: skip

    def backward(self, direction: int, grad_y: Tensor, saved: Tensor, gradients: CrossGradients) -> None:
        """Differentiate the directions of one launch from ``direction`` on; see ``cross_backward_kernel``."""
        entering = self._enter_spans(grad_y, direction, adjoint=True)
        programs = min(self._grid[0] * self._grid[1], programs_at_once(self.x))
        constants = self._constants(cross_backward_kernel)
        scratch = self.empty(programs, self.layout.chunk // constants["STEPS"], self.layout.states, BLOCK)
        *others, matrices = gradients
        matrices_B, matrices_C = matrices.split(self.states, dim=-1)
        cross_backward_kernel[programs,](
            *self._inputs, self.D, grad_y, saved, entering, scratch, *others, matrices_B, matrices_C,
            *self._sizes(direction), self.layout.chunk, **constants,
        )  # fmt: skip

    def _enter_spans(self, maps: Tensor, direction: int, *, adjoint: bool) -> Tensor:
        """Find what enters each span; one alone reads no more than the address."""
        if self.layout.spans == 1:
            return self.A
        rows = (self.layout.spans, self.batch, self.layout.together)
        results, entering = (self.empty(*rows, self.states, self.channels) for _ in range(2))
        totals = self.empty(*rows, self.channels)
        weights = self._inputs[1:]
        cross_span_kernel[self._grid](
            maps, *weights, results, totals, *self._sizes(direction), **self._constants(cross_span_kernel),
            ADJOINT=adjoint,
        )  # fmt: skip
        cross_carry_kernel[self._grid[0],](
            self.A, results, totals, entering, self.layout.spans, self.batch, self.channels, self.layout.together,
            direction, STATES=self.states, N_BLOCK=self.layout.states, ADJOINT=adjoint, BLOCK=BLOCK, num_warps=1,
        )  # fmt: skip
        return entering

    @property
    def _inputs(self) -> tuple[Tensor, ...]:
        return self.x, self.projections, self.dt_proj, self.dt_bias, self.A

    @property
    def _grid(self) -> tuple[int, int]:
        return self.batch * self.layout.together * self.blocks, self.layout.spans

    def _sizes(self, direction: int) -> tuple[int, ...]:
        layout = self.layout
        return self.batch, self.height, self.width, self.channels, layout.together, direction, layout.span, self.rank

    def _constants(self, kernel: Any) -> dict[str, int]:
        return {"STATES": self.states, **setting_of(kernel, self.layout.states)}


def setting_of(kernel: Any, states: int) -> dict[str, int]:
    """Return the tile of a kernel for a number of states, a power of two, and its warps."""
    warps = max(1, states // _VALUES[kernel])
    steps = min(_VALUES[kernel] * warps // states, _MOST_STEPS)
    return {"STEPS": steps, "N_BLOCK": states, "BLOCK": BLOCK, "num_warps": warps}
