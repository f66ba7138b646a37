"""Branches of SIM on the features of neighbouring slices at one stage: (B, S, H, W, C) to the centre's (B, H, W, C)."""

import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.sim.on_slices import SpatialAttention, zero_init

REDUCTION = 16


class WindowChannelAttention(nn.Module):
    """Channel attention, "what": weighs the centre's channels by average and maximum of all slices' channels."""

    def __init__(self, slices: int, channels: int) -> None:
        super().__init__()
        squeezed = channels // REDUCTION
        self.squeeze = nn.Conv1d(channels, squeezed, slices)
        self.excite = zero_init(nn.Conv1d(squeezed, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W, C) to (B, H, W, C)."""
        scores = self._score(x.mean((2, 3))) + self._score(x.amax((2, 3)))
        return centre(x) * scores.sigmoid()[:, None, None]

    def _score(self, pooled: Tensor) -> Tensor:
        return self.excite(F.silu(self.squeeze(pooled.transpose(1, 2)))).squeeze(-1)


class WindowSpatialAttention(SpatialAttention):
    """Spatial attention, "where": weighs the centre's pixels by average and maximum of all slices and channels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W, C) to (B, H, W, C)."""
        return centre(x) * self.weigh(x.mean((1, 4)), x.amax((1, 4)))[:, 0, :, :, None]


class WindowRelation(nn.Module):
    """Slice relation: two depthwise convolutions, the first of which runs over all slices of a channel."""

    def __init__(self, slices: int, channels: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(slices * channels, channels, 3, padding=1, groups=channels)
        self.within = zero_init(nn.Conv2d(channels, channels, 3, padding=1, groups=channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W, C) to (B, H, W, C)."""
        stacked = x.permute(0, 4, 1, 2, 3).flatten(1, 2)
        return self.within(F.gelu(self.across(stacked))).permute(0, 2, 3, 1)


def centre(x: Tensor) -> Tensor:
    """Return the middle slice of a window, (B, S, ...) to (B, ...)."""
    return x[:, x.shape[1] // 2]
