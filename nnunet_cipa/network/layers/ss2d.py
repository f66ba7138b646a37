"""SS2D, the four-direction scan over an image, and SS1D, the one-direction scan over a sequence."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.recomputing import keep_inputs
from nnunet_cipa.network.layers.ssm import SelectiveSSM
from nnunet_cipa.ops import cross_scan, gated_norm
from nnunet_cipa.ops.directions import project, scan_sequences


class SS2D(nn.Module):
    """Selective scan of an image in four directions, with a depthwise convolution before and a gate after.

    Parameters
    ----------
    channels : int
        C of input and output; the inner width is 2C and dt_rank is ceil(C / 16).
    d_state : int
        States per channel.

    Notes
    -----
    Source: Liu et al., VMamba, NeurIPS 2024, section 4.2.
    """

    def __init__(self, channels: int, d_state: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.ssm = SelectiveSSM(inner, math.ceil(channels / 16), d_state, directions=4)
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to the same shape."""
        # Two products instead of the halves of one: each is contiguous, and so are their gradients.
        x, gate = (F.linear(x, weight) for weight in self.in_proj.weight.chunk(2))
        x = F.silu(self.conv(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        return keep_inputs(self._project, cross_scan(x, self.ssm.weights), gate)

    def _project(self, y: Tensor, gate: Tensor) -> Tensor:
        norm = self.out_norm
        return self.out_proj(gated_norm(y, gate, norm.weight, norm.bias, norm.eps))


class SS1D(nn.Module):
    """Selective scan of a sequence in one direction, without convolution; SiLU comes before the gate is split off.

    Parameters
    ----------
    channels : int
        C of input and output; the inner width is 2C.
    d_state : int
        States per channel.

    Notes
    -----
    Source: the CIPA paper, arXiv 2503.17261, channel-wise rectification module.
    """

    def __init__(self, channels: int, d_state: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.ssm = SelectiveSSM(inner, math.ceil(channels / 16), d_state, directions=1)
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, C) to the same shape."""
        x, gate = F.silu(self.in_proj(x)).chunk(2, dim=-1)
        x = x.transpose(1, 2).contiguous()
        weights = self.ssm.weights
        y = scan_sequences(x.unsqueeze(1), project(x, weights), weights).squeeze(1)
        return self.out_proj(self.out_norm(y.transpose(1, 2)) * gate)
