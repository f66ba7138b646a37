"""The encoder of DFormer: a stream of CT and a narrower one of PET, block by block.

Maps inside of blocks are channels-last, (B, H, W, C), those between stages channels-first.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.comparators.dformer.attention import Attention
from nnunet_cipa.network.comparators.dformer.sizes import EPS, Sizes
from nnunet_cipa.network.layers.basic import BatchNorm, ChannelsLast, DropPath
from nnunet_cipa.network.layers.recomputing import Recomputing

SCALE = 1e-6  # of new branches


class MLP(nn.Module):
    """LayerNorm and two linear layers, with a depthwise convolution added between them.

    Parameters
    ----------
    channels : int
        C of input and output.
    hidden : int
        Channels between the two layers.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.fc1 = nn.Linear(channels, hidden)
        self.position = ChannelsLast(nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden))
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to the same shape."""
        x = self.fc1(self.norm(x))
        return self.fc2(F.gelu(x + self.position(x)))


class Residuals(nn.Module):
    """The residual branches of one stream in a block: attention, computed elsewhere, and MLP, each with a scale.

    Parameters
    ----------
    channels : int
        C of the stream.
    mlp_ratio : int
        Width of the MLP, in multiples of C.
    drop_path : float
        Rate of stochastic depth.
    """

    def __init__(self, channels: int, mlp_ratio: int, drop_path: float) -> None:
        super().__init__()
        self.attention_scale = nn.Parameter(torch.full((channels,), SCALE))
        self.mlp_scale = nn.Parameter(torch.full((channels,), SCALE))
        self.mlp = MLP(channels, mlp_ratio * channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add both branches to ``x``, (B, H, W, C)."""
        x = x + self.drop_path(self.attention_scale * attended)
        return x + self.drop_path(self.mlp_scale * self.mlp(x))


class Block(Recomputing):
    """Attention of both streams and what each adds; the last block of all leaves PET as it is."""

    def __init__(self, channels: int, heads: int, mlp_ratio: int, drop_path: float, *, is_last: bool) -> None:
        super().__init__()
        self.attention = Attention(channels, heads, gives_pet=not is_last)
        self.ct = Residuals(channels, mlp_ratio, drop_path)
        self.pet = None if is_last else Residuals(channels // 2, mlp_ratio, drop_path)

    def forward(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, H, W, C) and (B, H, W, C / 2) to the same shapes."""
        return self.run(self._compute, ct, pet)

    def _compute(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        of_ct, of_pet = self.attention(ct, pet)
        return self.ct(ct, of_ct), pet if self.pet is None else self.pet(pet, of_pet)


class Encoder(nn.Module):
    """DFormer's encoder, whose features are those of CT's stream.

    Parameters
    ----------
    sizes : Sizes
        Widths, depths, heads and stochastic depth.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.ct_downs = _make_downs(3, sizes.widths)
        self.pet_downs = _make_downs(1, [channels // 2 for channels in sizes.widths])
        rates = torch.linspace(0, sizes.drop_path, sum(sizes.depths)).tolist()
        self.stages = nn.ModuleList()
        for channels, depth, heads, ratio in zip(
            sizes.widths, sizes.depths, sizes.heads, sizes.mlp_ratios, strict=True
        ):
            own, rates = rates[:depth], rates[depth:]
            last = depth - 1 if not rates else None
            self.stages.append(
                nn.ModuleList(
                    Block(channels, heads, ratio, rate, is_last=place == last) for place, rate in enumerate(own)
                )
            )

    def forward(self, ct: Tensor, pet: Tensor) -> list[Tensor]:
        """Map CT (B, 3, H, W) and PET (B, 1, H, W) to features (B, C, H/s, W/s), s = 4, 8, 16, 32."""
        features = []
        for ct_down, pet_down, stage in zip(self.ct_downs, self.pet_downs, self.stages, strict=True):
            ct, pet = ct_down(ct).permute(0, 2, 3, 1), pet_down(pet).permute(0, 2, 3, 1)
            for block in stage.children():
                ct, pet = block(ct, pet)
            ct, pet = ct.permute(0, 3, 1, 2), pet.permute(0, 3, 1, 2)
            features.append(ct)
        return features


def _make_downs(in_channels: int, widths: Sequence[int]) -> nn.ModuleList:
    """Make what comes before each stage: to a quarter of the resolution before the first one, then to half."""
    first = widths[0]
    stem = nn.Sequential(
        nn.Conv2d(in_channels, first // 2, 3, 2, padding=1),
        BatchNorm(first // 2),
        nn.GELU(),
        nn.Conv2d(first // 2, first, 3, 2, padding=1),
        BatchNorm(first),
    )
    halvings = (
        nn.Sequential(BatchNorm(before), nn.Conv2d(before, after, 3, 2, padding=1))
        for before, after in pairwise(widths)
    )
    return nn.ModuleList([stem, *halvings])
