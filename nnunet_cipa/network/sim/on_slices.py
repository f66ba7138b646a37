"""Branches of SIM on the neighbouring slices of one modality's input, which are channels: (B, S, H, W)."""

from typing import cast

import torch
from torch import Tensor, nn

_HIDDEN = 8


class SliceAttention(nn.Module):
    """Channel attention, "what": weighs each slice by its average and its maximum, both through the same two layers.

    Source: the channel attention of CBAM, Woo et al., ECCV 2018.
    """

    def __init__(self, slices: int) -> None:
        super().__init__()
        self.expand = nn.Linear(slices, _HIDDEN)
        self.reduce = zero_init(nn.Linear(_HIDDEN, slices))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        scores = self._score(x.mean((2, 3))) + self._score(x.amax((2, 3)))
        return x * scores.sigmoid()[:, :, None, None]

    def _score(self, pooled: Tensor) -> Tensor:
        return self.reduce(nn.functional.silu(self.expand(pooled)))


class SpatialAttention(nn.Module):
    """Spatial attention, "where": weighs each pixel by a convolution over average and maximum of all channels.

    Source: the spatial attention of CBAM, Woo et al., ECCV 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = zero_init(nn.Conv2d(2, 1, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        return x * self.weigh(x.mean(1), x.amax(1))

    def weigh(self, average: Tensor, maximum: Tensor) -> Tensor:
        """Return the weights (B, 1, H, W) for two maps (B, H, W)."""
        return self.conv(torch.stack((average, maximum), dim=1)).sigmoid()


class SliceRelation(nn.Module):
    """Slice relation: a depthwise convolution finds structures in each slice, a pointwise one relates the slices."""

    def __init__(self, slices: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(slices, slices, 3, padding=1, groups=slices)
        self.pointwise = zero_init(nn.Conv2d(slices, slices, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        return cast("Tensor", self.pointwise(nn.functional.gelu(self.depthwise(x))))


def zero_init(layer: nn.Module) -> nn.Module:
    """Set all parameters of a layer to zero, and return it."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
