"""Selective scan along z: joins the features of the slices of a stack at one stage."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.ssm import SelectiveSSM
from nnunet_cipa.ops import selective_scan

REFERENCE_MM = 3.0  # the distance of slices at which dt is as it is learned
REACH_MM = 30.0  # over which a slice's influence falls to 1/e at least
VALUES_AT_ONCE = 2**24


class StackScan(Recomputing):
    """x + gate * out(scan up + scan down), over the slices of a stack, each position of the map by itself.

    The gate of each channel starts at zero: a new layer changes nothing, to the last bit. The step size grows with the
    distance to the slice before, ``dt = distance / 3 mm * (softplus(raw dt + bias) + 3 mm / reach)``, and the state
    matrix is ``A = -1 - exp(A_logs)``. So a state falls by ``exp(-distance / reach)`` at least, whatever is learned:
    what is much further away than ``REACH_MM`` has no influence, in a stack of any length.

    Parameters
    ----------
    channels : int
        C.
    d_state : int
        States per channel.
    spacing_z : float
        Distance of neighbouring slices in mm.

    Notes
    -----
    Source of the scan: Gu and Dao, Mamba, arXiv 2312.00752. That the distance scales the step follows from what dt is
    there, the time over which a continuous system holds its input.
    """

    def __init__(self, channels: int, d_state: int, spacing_z: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.ssm = SelectiveSSM(channels, math.ceil(channels / 16), d_state, directions=2)
        self.out_proj = nn.Linear(channels, channels, bias=False)
        self.gate = nn.Parameter(torch.zeros(channels))
        self.spacing_z = spacing_z

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Join slices (D, H, W, C) at rising positions (D,), in slices, to the same shape; some rows at a time."""
        rows = max(1, VALUES_AT_ONCE // x[:, 0].numel())
        return torch.cat([self.run(self._join, some, positions) for some in x.split(rows, dim=1)], dim=1)

    def extra_repr(self) -> str:
        """Show the spacing in the network's printout."""
        return f"spacing_z={self.spacing_z:g}"

    def _join(self, x: Tensor, positions: Tensor) -> Tensor:
        tokens = self.norm(x)
        up = self._scan(tokens, positions, 0)
        down = self._scan(tokens.flip(0), -positions.flip(0), 1).flip(0)
        return x + self.gate * self.out_proj(up + down)

    def _scan(self, tokens: Tensor, positions: Tensor, direction: int) -> Tensor:
        """Scan tokens (D, H, W, C) from the first to the last."""
        weights = self.ssm.weights
        states = self.ssm.d_state
        low_rank_dt, b, c = F.linear(tokens, weights.x_proj[direction]).split(
            (self.ssm.dt_rank, states, states), dim=-1
        )
        raw_dt = F.linear(low_rank_dt, weights.dt_proj[direction], weights.dt_bias[direction])
        raw_dt = raw_dt.to(weights.A.dtype)
        # F.softplus has a gradient that torch.compile takes to lie otherwise in memory.
        dt = torch.logaddexp(raw_dt, torch.zeros_like(raw_dt)) + REFERENCE_MM / REACH_MM
        distance = self.spacing_z / REFERENCE_MM * positions.diff(prepend=positions[:1] - 1)
        y = selective_scan(
            _sequences(tokens),
            _sequences(distance.view(-1, 1, 1, 1) * dt),
            weights.A[direction] - 1,
            _sequences(b),
            _sequences(c),
            weights.D[direction],
        )
        return y.permute(2, 0, 1).view(tokens.shape)


def _sequences(maps: Tensor) -> Tensor:
    """View maps (D, H, W, n) as a sequence along z for each position: (H * W, n, D)."""
    return maps.flatten(1, 2).permute(1, 2, 0)
