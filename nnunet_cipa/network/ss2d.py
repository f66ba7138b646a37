"""SS2D, the four-direction scan over an image, and SS1D, the one-direction scan over a sequence."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.ssm import SelectiveSSM


def to_directions(maps: Tensor) -> Tensor:
    """Unroll K = 4 maps into sequences: row-major, column-major, and both reversed.

    Parameters
    ----------
    maps : Tensor
        (B, 4, C, H, W), one map a direction (they may be views of one).

    Returns
    -------
    Tensor
        (B, 4, C, H * W).
    """
    rows, columns, rows_back, columns_back = maps.unbind(1)
    return torch.stack(
        (
            rows.flatten(2),
            columns.transpose(2, 3).flatten(2),
            rows_back.flatten(2).flip(-1),
            columns_back.transpose(2, 3).flatten(2).flip(-1),
        ),
        dim=1,
    )


def sum_directions(sequences: Tensor, height: int, width: int) -> Tensor:
    """Undo each direction's order and add the four: (B, 4, C, H * W) to (B, C, H, W)."""
    forward, backward = sequences.chunk(2, dim=1)
    both = forward + backward.flip(-1)
    rows, columns = both.unbind(1)
    return rows.unflatten(-1, (height, width)) + columns.unflatten(-1, (width, height)).transpose(2, 3)


class SS2D(nn.Module):
    """Selective scan of an image in four directions, with a depthwise convolution before and a gate after.

    Parameters
    ----------
    channels : int
        C of input and output; the inner width is 2C and dt_rank is ceil(C / 16).
    d_state : int
        States a channel.

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
        height, width = x.shape[1:3]
        x, gate = self.in_proj(x).chunk(2, dim=-1)
        x = F.silu(self.conv(x.permute(0, 3, 1, 2))).contiguous()
        projections = self.ssm.project(x.flatten(2)).unflatten(-1, (height, width))
        sequences = x.unsqueeze(1).expand(-1, 4, -1, -1, -1)
        y = self.ssm.scan(to_directions(sequences), to_directions(projections))
        y = self.out_norm(sum_directions(y, height, width).permute(0, 2, 3, 1))
        return self.out_proj(y * F.silu(gate))


class SS1D(nn.Module):
    """Selective scan of a sequence in one direction, without convolution; SiLU comes before the gate is split off.

    Parameters
    ----------
    channels : int
        C of input and output; the inner width is 2C.
    d_state : int
        States a channel.

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
        y = self.ssm.scan(x.unsqueeze(1), self.ssm.project(x)).squeeze(1)
        return self.out_proj(self.out_norm(y.transpose(1, 2)) * gate)
