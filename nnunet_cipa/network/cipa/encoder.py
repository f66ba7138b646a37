"""The VMamba encoder that CT and PET share."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS
from nnunet_cipa.network.cipa.encoding import SharedEncoder
from nnunet_cipa.network.cipa.variants import Variant
from nnunet_cipa.network.layers.basic import ChannelsLast, DropPath, init_linear, space_to_depth
from nnunet_cipa.network.layers.recomputing import Recomputing, keep_inputs
from nnunet_cipa.network.layers.ss2d import SS2D

PATCH_EMBED = "encoder.patch_embed.proj.0.weight"  # in a network, whose encoder it is


class VSSBlock(Recomputing):
    """x + SS2D(LayerNorm(x)), the block of VMamba's first release: no MLP."""

    def __init__(self, channels: int, d_state: int, drop_path: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.ss2d = SS2D(channels, d_state)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to the same shape."""
        return self.run(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        return x + self.drop_path(self.ss2d(self.norm(x)))


class PatchEmbed(nn.Module):
    """4 x 4 convolution of stride 4 and LayerNorm."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = ChannelsLast(nn.Conv2d(in_channels, channels, 4, 4))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map an image (B, in_channels, H, W) to (B, H/4, W/4, C)."""
        return self.norm(self.proj(x.permute(0, 2, 3, 1)))


class PatchMerging(nn.Module):
    """Half the resolution, double the width: the four pixels of a 2 x 2 cell concatenated, LayerNorm, Linear."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, H/2, W/2, 2C)."""
        return keep_inputs(self._merge, x)

    def _merge(self, x: Tensor) -> Tensor:
        return self.reduction(self.norm(space_to_depth(x)))


class EncoderStage(nn.Module):
    """The VSS blocks of one resolution and the LayerNorm of what they hand on to CRM, DCIM and decoder."""

    def __init__(self, channels: int, d_state: int, drop_paths: list[float]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(VSSBlock(channels, d_state, rate) for rate in drop_paths))
        self.out_norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, H, W, C) to (what the next stage gets, this stage's feature), both of that shape."""
        x = self.blocks(x)
        return x, self.out_norm(x)


class VMambaEncoder(SharedEncoder):
    """VMamba: patch embedding and four stages of VSS blocks with patch merging between them.

    Parameters
    ----------
    variant : Variant
        Widths, depths, states and stochastic depth.
    in_channels : int
        Channels of an image: 3 as in VMamba, or one for each slice of a wider window.

    Notes
    -----
    Source: Liu et al., VMamba, NeurIPS 2024; the variant without MLP that CIPA uses.
    """

    image_layers: ClassVar[tuple[str, ...]] = ("patch_embed.proj.0.weight",)
    output_layers: ClassVar[tuple[str, ...]] = ("stages.{}.out_norm",)

    def __init__(self, variant: Variant, in_channels: int = IMAGE_CHANNELS) -> None:
        super().__init__(in_channels)
        rates = iter(torch.linspace(0, variant.drop_path, sum(variant.depths)).tolist())
        self.patch_embed = PatchEmbed(in_channels, variant.width)
        self.stages = nn.ModuleList(
            EncoderStage(channels, variant.d_state, [next(rates) for _ in range(depth)])
            for channels, depth in zip(variant.widths, variant.depths, strict=True)
        )
        self.merges = nn.ModuleList(PatchMerging(channels) for channels in variant.widths[:-1])
        self.apply(init_linear)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (B, in_channels, H, W), sides multiples of 32, to features (B, H/s, W/s, C), s = 4, 8, 16, 32."""
        x = self.patch_embed(x)
        features = []
        for level, stage in enumerate(self.stages):
            if level:
                x = self.merges[level - 1](x)
            x, feature = stage(x)
            features.append(feature)
        return features
