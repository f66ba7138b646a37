"""The launches of the Triton kernels: arguments, settings and the choice among these."""

import inspect
import os
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
import triton
from torch import Tensor

from nnunet_cipa.ops.arguments import ScanArguments
from nnunet_cipa.ops.triton.kernels.backward import backward_kernel
from nnunet_cipa.ops.triton.kernels.carry import carry_kernel, chunk_kernel
from nnunet_cipa.ops.triton.kernels.forward import forward_kernel
from nnunet_cipa.ops.triton.layout import Division, Tile, tile_of

# Settings to try: values of a tile for each thread, and rows in flight. None makes the compiler spill registers.
_SETTINGS = {
    forward_kernel: ((16, 1), (16, 2), (8, 1), (8, 2)),
    chunk_kernel: ((16, 1), (16, 2), (8, 1), (8, 2)),
    backward_kernel: ((16, 1), (8, 1)),
}
_MOST_WARPS = 8
_CARRY = {"BLOCK_CHUNKS": 16, "BLOCK": 64}


class Scan:
    """One call, ready for the kernels.

    Parameters
    ----------
    arguments : ScanArguments
        The call.
    division : Division
        How this pass is divided.
    reverse : bool
        Whether every sequence is walked from its end to its start.
    """

    def __init__(self, arguments: ScanArguments, division: Division, *, reverse: bool = False) -> None:
        self.arguments, self.division = arguments, division
        self.batch, self.channels, self.length = arguments.u.shape
        self.states, self.groups = arguments.A.shape[1], arguments.groups
        self.tile = tile_of(self.length, self.states)
        self.chunks = -(-self.length // self.tile.chunk)
        self.u, self.delta, self.A = (x.contiguous() for x in (arguments.u, arguments.delta, arguments.A))
        self.D, self.delta_bias = (None if x is None else x.contiguous() for x in (arguments.D, arguments.delta_bias))
        self.B, self.C = self._rows(arguments.B), self._rows(arguments.C)
        self.constant_B, self.constant_C = not arguments.varies(arguments.B), not arguments.varies(arguments.C)
        self._constants = {
            "STATES": self.states,
            "N_BLOCK": self.tile.states,
            "STEPS": self.tile.steps,
            "LANES": self.tile.lanes,
            "SOFTPLUS": arguments.delta_softplus,
            "REVERSE": reverse,
        }

    def empty(self, *shape: int) -> Tensor:
        """Make room for results, in float32."""
        return torch.empty(shape, dtype=torch.float32, device=self.u.device)

    def empty_states(self) -> Tensor:
        """Make room for a state a chunk, (chunks, b, d, n)."""
        return self.empty(self.chunks, self.batch, self.channels, self.states)

    def forward(self, y: Tensor, saved: Tensor, last_state: Tensor) -> None:
        """Fill the results of ``forward_kernel``."""
        if self.division.parallel:
            self._enter_chunks(self.u, self.B, None, saved, constant=self.constant_B, adjoint=False)
        else:
            saved[0].zero_()
        self._launch(
            forward_kernel,
            (self.u, self.delta, self.A, self.B, self.C, self.D, self.delta_bias, y, saved, last_state),
            (self.chunks, self._span, *self._strides(self.B), *self._strides(self.C)),
            CONSTANT_B=self.constant_B,
            CONSTANT_C=self.constant_C,
        )

    def backward(self, grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, gradients: Iterable[Tensor]) -> None:
        """Fill the gradients that ``backward_kernel`` writes, in its order."""
        adjoint = self.empty_states()
        if self.division.parallel:
            self._enter_chunks(grad_y, self.C, grad_last_state, adjoint, constant=self.constant_C, adjoint=True)
        else:
            adjoint[-1] = grad_last_state
        inputs = (self.u, self.delta, self.A, self.B, self.C, self.D, self.delta_bias, grad_y, saved, adjoint)
        self._launch(
            backward_kernel,
            (*inputs, *gradients),
            (self.chunks, self._span, *self._strides(self.B), *self._strides(self.C)),
            CONSTANT_B=self.constant_B,
            CONSTANT_C=self.constant_C,
        )

    def _enter_chunks(
        self, x: Tensor, matrix: Tensor, start: Tensor | None, carried: Tensor, *, constant: bool, adjoint: bool
    ) -> None:
        """Find what enters each chunk."""
        results, totals = self.empty_states(), self.empty(self.chunks, self.batch, self.channels)
        self._launch(
            chunk_kernel,
            (x, self.delta, self.A, matrix, self.delta_bias, results, totals),
            self._strides(matrix),
            CONSTANT=constant,
            ADJOINT=adjoint,
        )
        rows = self.batch * self.channels
        grid = (triton.cdiv(rows * self.states, _CARRY["BLOCK"]),)
        sizes = (self.chunks, self.channels, rows)
        carry_kernel[grid](
            self.A, results, totals, start, carried, *sizes, STATES=self.states, ADJOINT=adjoint, **_CARRY
        )

    def _launch(
        self, kernel: Any, tensors: tuple[Tensor | None, ...], sizes: tuple[int, ...], **constants: bool
    ) -> None:
        span = 1 if kernel is chunk_kernel else self._span
        grid = (self.batch * self.groups * self.division.splits, -(-self.chunks // span))
        common = (self.length, self.channels, self.groups, self.division.splits)
        tuned(kernel, self.tile)[grid](*tensors, *common, *sizes, **self._constants, **constants)

    @property
    def _span(self) -> int:
        """Chunks that one program does one after another."""
        return 1 if self.division.parallel else self.chunks

    def _rows(self, matrix: Tensor) -> Tensor:
        """Bring B or C into an order in which the rows of a group, or the channels, follow each other."""
        if self.arguments.varies(matrix):
            return matrix if matrix.stride()[2:] == (self.length, 1) else matrix.contiguous()
        matrix = matrix[..., 0]
        return matrix if matrix.stride()[1:] == (self.states, 1) else matrix.contiguous()

    def _strides(self, matrix: Tensor) -> tuple[int, int]:
        """Give the strides of B or C along the batch and from group to group."""
        return matrix.stride(0), matrix.stride(1) if matrix.dim() == 4 else 0


def configurations(kernel: Any, tile: Tile) -> list[Any]:
    """List the settings to choose among for a kernel and a tile."""
    values = tile.steps * tile.states * tile.lanes
    choices = dict.fromkeys(
        (min(max(values // (32 * each), 1), _MOST_WARPS), stages) for each, stages in _SETTINGS[kernel]
    )
    return [triton.Config({"STAGES": stages}, num_warps=warps) for warps, stages in choices]


@cache
def tuned(kernel: Any, tile: Tile) -> Any:
    """Let Triton choose among a kernel's settings once for each shape of a call; the choice is kept on disk."""
    settings = configurations(kernel, tile)
    if os.environ.get("TRITON_INTERPRET") == "1":
        settings = settings[:1]
    keep = {"cache_results": True} if "cache_results" in inspect.signature(triton.autotune).parameters else {}
    return triton.autotune(settings, key=["length", "channels"], **keep)(kernel)
