"""Branches of SIM on the feature maps of one stage of the encoder, channels last: (B, H, W, C) to the same shape.

The slices are channels of the encoder's input, so that its feature maps have them already.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import ChannelsLast
from nnunet_cipa.network.sim.on_slices import SpatialAttention, zero_init

REDUCTION = 16


class MapChannelAttention(nn.Module):
    """Channel attention, "what": weighs the maps by their average and maximum, both through the same two layers.

    Source: the channel attention of CBAM, Woo et al., ECCV 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // REDUCTION)
        self.excite = zero_init(nn.Linear(channels // REDUCTION, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of ``x``."""
        scores = self._score(x.mean((1, 2))) + self._score(x.amax((1, 2)))
        return x * scores.sigmoid()[:, None, None]

    def _score(self, pooled: Tensor) -> Tensor:
        return self.excite(F.relu(self.squeeze(pooled)))


class MapSpatialAttention(SpatialAttention):
    """Spatial attention, "where": weighs the positions by average and maximum of all channels."""

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the positions of ``x``."""
        return x * self.weigh(x.mean(3), x.amax(3))[:, 0, :, :, None]


class MapRelation(ChannelsLast):
    """Slice relation: a depthwise convolution finds structures in each map, a pointwise one relates the maps."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.GELU(),
            zero_init(nn.Conv2d(channels, channels, 1)),
        )
