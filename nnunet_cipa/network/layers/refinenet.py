"""The decoder of RefineNet: from the coarsest features to the finest, each adapted, joined, pooled, refined.

Maps are channels-first. Source: Lin et al., RefineNet, CVPR 2017, arXiv 1611.06612, as the network CEN has it: the
rectification before a residual unit changes what goes past it, too.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

DROPOUT = 0.5


class ResidualUnits(nn.Module):
    """Residual units of two convolutions.

    Parameters
    ----------
    channels : int
        C of input and output.
    count : int
        How many units.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(_conv(channels, channels, bias=True) for _ in range(count))
        self.second = nn.ModuleList(_conv(channels, channels) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        for first, second in zip(self.first, self.second, strict=True):
            x = x.relu()
            x = x + second(first(x).relu())
        return x


class ChainedPooling(nn.Module):
    """Four poolings over 5 x 5 pixels, each with a convolution after it and added to the rest.

    Parameters
    ----------
    channels : int
        C of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv(channels, channels) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        pooled = x
        for conv in self.convs:
            pooled = conv(F.max_pool2d(pooled, 5, stride=1, padding=2))
            x = x + pooled
        return x


class Level(nn.Module):
    """One resolution of the decoder.

    Parameters
    ----------
    in_channels : int
        Of the encoder's feature.
    width : int
        Of the layers here.
    out_channels : int or None
        What the next level has; None for the last one.
    is_first : bool
        Whether it is the coarsest, which nothing is added to.
    """

    def __init__(self, in_channels: int, width: int, out_channels: int | None, *, is_first: bool) -> None:
        super().__init__()
        self.project = _conv(in_channels, width)
        self.adapt = ResidualUnits(width, 2)
        self.join = nn.Identity() if is_first else _conv(width, width)
        self.pool = ChainedPooling(width)
        self.refine = ResidualUnits(width, 3)
        self.out = nn.Identity() if out_channels is None else _conv(width, out_channels)

    def forward(self, feature: Tensor, coarser: Tensor | None) -> Tensor:
        """Map a feature (B, C, H, W), and what the level before gave, to (B, out_channels, H, W)."""
        x = self.join(self.adapt(self.project(feature)))
        if coarser is not None:
            x = x + F.interpolate(coarser, x.shape[-2:], mode="bilinear", align_corners=True)
        return self.out(self.refine(self.pool(x.relu())))


class RefineNetDecoder(nn.Module):
    """RefineNet's decoder.

    Parameters
    ----------
    widths : sequence of int
        Channels of the features, the finest first.
    width : int
        Of all levels but the coarsest, which has twice as many.
    num_classes : int
        Output channels.
    """

    def __init__(self, widths: Sequence[int], width: int, num_classes: int) -> None:
        super().__init__()
        coarsest, *finer = reversed(widths)
        self.levels = nn.ModuleList([Level(coarsest, 2 * width, width, is_first=True)])
        for place, channels in enumerate(finer, start=1):
            self.levels.append(Level(channels, width, None if place == len(finer) else width, is_first=False))
        self.dropout = nn.Dropout(DROPOUT)
        self.head = _conv(width, num_classes, bias=True)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features (B, C, H/s, W/s), the finest first, to logits (B, num_classes, H/4, W/4)."""
        x = None
        for place, (level, feature) in enumerate(zip(self.levels, reversed(features), strict=True)):
            x = level(self.dropout(feature) if place < 2 else feature, x)
        return self.head(self.dropout(x))


def _conv(in_channels: int, out_channels: int, *, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
