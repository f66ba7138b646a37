"""The arguments of a scan with projections of its own."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops.arguments import compute_dtype


class ScanWeights(NamedTuple):
    """The parameters of K scans of d channels with N states, their step size of rank R.

    x_proj: (K, R + 2N, d), from a token to raw dt, B and C, in that order. dt_proj: (K, d, R). dt_bias, D: (K, d).
    A: (K, d, N).
    """

    x_proj: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A: Tensor
    D: Tensor

    def check(self, channels: int, directions: int) -> None:
        """Check the shapes against each other.

        Raises
        ------
        CIPAError
            In one line that names the parameter, its shape and what it must be.
        """
        rank, states = self.dt_proj.shape[-1], self.A.shape[-1]
        wanted = (
            (directions, rank + 2 * states, channels),
            (directions, channels, rank),
            (directions, channels),
            (directions, channels, states),
            (directions, channels),
        )
        for name, tensor, shape in zip(ScanWeights._fields, self, wanted, strict=True):
            if tuple(tensor.shape) != shape:
                raise CIPAError(f"scan: {name} has shape {tuple(tensor.shape)}; it must be {shape}")


class CrossArguments(NamedTuple):
    """Arguments of the operator behind ``cross_scan``.

    x: (b, h, w, d). projections: (b, h, w, 4, R + 2N). The others as in ``ScanWeights`` with K = 4.
    """

    x: Tensor
    projections: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A: Tensor
    D: Tensor

    @property
    def compute_dtype(self) -> torch.dtype:
        """Type the scan is computed in: float64 if any argument is, else float32."""
        return compute_dtype(self)
