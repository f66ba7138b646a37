"""Small layers that several modules share. Feature maps are channels-last, (B, H, W, C), everywhere in the network."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES


class DropPath(nn.Module):
    """Stochastic depth by sample: drops a residual branch in training, keeps its expectation.

    Source: Huang et al., Deep Networks with Stochastic Depth, ECCV 2016.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Drop ``branch``, of any shape with the batch first."""
        if not self.training or self.rate == 0:
            return branch
        keep = 1 - self.rate
        mask = branch.new_empty(branch.shape[0], *[1] * (branch.ndim - 1)).bernoulli_(keep)
        return branch * (mask / keep)

    def extra_repr(self) -> str:
        """Show the rate in the network's printout."""
        return f"rate={self.rate:g}"


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that uses its running statistics where a training batch has one value per channel.

    A patch of 32 x 32 is one pixel at stride 32; with a batch of one, which distributed training can give a process,
    there is no variance to take and the stock layer stops with an error.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x``, (B, C, H, W)."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class ChannelsLast(nn.Sequential):
    """Convolutional layers applied to a channels-last map; the two permutations are views, nothing is copied."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, H', W', C')."""
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def for_each_modality(make: Callable[..., nn.Module], *arguments: object) -> nn.ModuleDict:
    """Make a module for CT and one for PET, under their names."""
    return nn.ModuleDict({name: make(*arguments) for name in MODALITIES})


def conv_bn_relu(in_channels: int, out_channels: int, stride: int = 1) -> list[nn.Module]:
    """3 x 3 convolution with bias, batch normalisation, ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1),
        BatchNorm(out_channels),
        nn.ReLU(),
    ]


def upsample_bilinear(x: Tensor) -> Tensor:
    """Double height and width of a channels-last map, (B, H, W, C) to (B, 2H, 2W, C), bilinear, corners not aligned."""
    doubled = F.interpolate(x.permute(0, 3, 1, 2), scale_factor=2, mode="bilinear", align_corners=False)
    return doubled.permute(0, 2, 3, 1)


def space_to_depth(x: Tensor) -> Tensor:
    """Stack each 2 x 2 cell into channels, in the order (0,0), (1,0), (0,1), (1,1) as (row, column) that VMamba uses.

    (B, H, W, C) with even H and W to (B, H/2, W/2, 4C).
    """
    return torch.cat((x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]), dim=-1)


def depth_to_space(x: Tensor, factor: int = 2) -> Tensor:
    """Spread channels over square cells, channel order (row, column, feature).

    (B, H, W, factor * factor * C) to (B, factor * H, factor * W, C).
    """
    batch, height, width, channels = x.shape
    features = channels // factor**2
    cells = x.reshape(batch, height, width, factor, factor, features)
    return cells.permute(0, 1, 3, 2, 4, 5).reshape(batch, factor * height, factor * width, features)


def init_linear(module: nn.Module) -> None:
    """Give a linear layer a truncated normal weight of deviation 0.02 and no bias; other layers stay as they are."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
