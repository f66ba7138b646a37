"""TransUNet's ResNet, of weight-standardised convolutions and group norms. Maps are channels-first, (B, C, H, W)."""

from collections.abc import Sequence

import torch.nn.functional as F
from timm.layers import StdConv2d
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS
from nnunet_cipa.network.layers.recomputing import Recomputing

EXPANSION = 4  # of a unit's output to its inner channels
GROUPS = 32


class Unit(Recomputing):
    """1 x 1, 3 x 3 and 1 x 1 convolution, added to what came in, ReLU after the sum.

    Parameters
    ----------
    in_channels, out_channels : int
        Multiples of ``GROUPS``; the output is four times as wide as the inside.
    stride : int
        Of the 3 x 3 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        inner = out_channels // EXPANSION
        self.conv1, self.norm1 = _convolution(in_channels, inner, 1), _norm(inner)
        self.conv2, self.norm2 = _convolution(inner, inner, 3, stride), _norm(inner)
        self.conv3, self.norm3 = _convolution(inner, out_channels, 1), _norm(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            by_channel = nn.GroupNorm(out_channels, out_channels)
            self.shortcut = nn.Sequential(_convolution(in_channels, out_channels, 1, stride), by_channel)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H/stride, W/stride)."""
        return self.run(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.shortcut(x) + self.norm3(self.conv3(y)))


class ResNet(nn.Module):
    """A 7 x 7 convolution and three blocks of units, to strides 2, 4, 8 and 16.

    Parameters
    ----------
    width : int
        Channels at stride 2; those at strides 4, 8 and 16 are 4, 8 and 16 times as many.
    depths : sequence of int
        Units of the three blocks.
    """

    def __init__(self, width: int, depths: Sequence[int]) -> None:
        super().__init__()
        self.conv, self.norm = _convolution(IMAGE_CHANNELS, width, 7, 2), _norm(width)
        widths = resnet_widths(width, len(depths))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                Unit(before, channels, stride=2 if level else 1),
                *(Unit(channels, channels, 1) for _ in range(depth - 1)),
            )
            for level, (before, channels, depth) in enumerate(zip(widths[:-1], widths[1:], depths, strict=True))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map an image (B, 3, H, W), sides multiples of 16, to its features at strides 2, 4, 8 and 16.

        Pooling without padding leaves the one at stride 4 a row and a column short, which are zero.
        """
        x = F.relu(self.norm(self.conv(x)))
        features = [x]
        x = F.max_pool2d(x, 3, 2)
        for block in self.blocks:
            x = block(x)
            features.append(x)
        features[1] = F.pad(features[1], (0, 1, 0, 1))
        return features


def resnet_widths(width: int, blocks: int) -> list[int]:
    """Return the channels of the ResNet's features, from stride 2 on."""
    return [width, *(width * EXPANSION * 2**level for level in range(blocks))]


def _convolution(in_channels: int, out_channels: int, size: int, stride: int = 1) -> StdConv2d:
    return StdConv2d(in_channels, out_channels, size, stride, padding=size // 2, eps=1e-5)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels, eps=1e-6)
