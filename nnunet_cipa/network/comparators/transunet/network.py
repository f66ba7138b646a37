"""TransUNet: a ResNet, a vision transformer on its last map, and a decoder, each for CT and for PET.

Source: Chen et al., TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation, arXiv 2102.04306. The
variant is R50-ViT-B_16. Maps are channels-first, (B, C, H, W).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from timm.layers import Mlp
from timm.models.vision_transformer import Attention
from torch import Tensor, nn

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.transunet.names import original_names, pretrained_name
from nnunet_cipa.network.comparators.transunet.resnet import ResNet, resnet_widths
from nnunet_cipa.network.comparators.twins import TwinNetworks
from nnunet_cipa.network.layers.basic import BatchNorm, for_each_modality
from nnunet_cipa.network.layers.recomputing import Recomputing

DROPOUT = 0.1
POSITIONS = "positions"


@dataclass(frozen=True)
class Sizes:
    """Widths and depths: of the ResNet, of the transformer, and of the decoder from stride 16 to stride 1."""

    width: int
    depths: tuple[int, ...]
    hidden: int
    blocks: int
    heads: int
    decoder_widths: tuple[int, ...]


SIZES = {
    "r50_b16": Sizes(64, (3, 4, 9), 768, 12, 12, (512, 256, 128, 64, 16)),
    "nano": Sizes(32, (1, 1, 1), 48, 2, 3, (32, 24, 16, 8, 8)),  # for tests
}


class TransformerBlock(Recomputing):
    """Attention and an MLP, each normalised before and added to what came in: (B, N, C) to the same shape."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = Attention(channels, heads, qkv_bias=True)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = Mlp(channels, 4 * channels, drop=DROPOUT)
        for name, parameter in self.mlp.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter, std=1e-6)
            else:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens."""
        return self.run(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Encoder(nn.Module):
    """The ResNet, and the transformer on the pixels of its map at stride 16.

    Parameters
    ----------
    sizes : Sizes
        Widths and depths.
    patch_size : (int, int)
        (H, W) in pixels; each position has an embedding.
    """

    def __init__(self, sizes: Sizes, patch_size: tuple[int, int]) -> None:
        super().__init__()
        self.resnet = ResNet(sizes.width, sizes.depths)
        self.embed = nn.Conv2d(resnet_widths(sizes.width, len(sizes.depths))[-1], sizes.hidden, 1)
        rows, columns = _grid(patch_size)
        self.positions = nn.Parameter(torch.zeros(1, rows * columns, sizes.hidden))
        self.dropout = nn.Dropout(DROPOUT)
        self.blocks = nn.Sequential(*(TransformerBlock(sizes.hidden, sizes.heads) for _ in range(sizes.blocks)))
        self.norm = nn.LayerNorm(sizes.hidden, eps=1e-6)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map an image (B, 3, H, W) to features at strides 2, 4, 8 and 16, the last one transformed."""
        *skips, x = self.resnet(x)
        x = self.embed(x)
        tokens = self.dropout(x.flatten(2).transpose(1, 2) + self.positions)
        return [*skips, self.norm(self.blocks(tokens)).transpose(1, 2).reshape(x.shape)]


class Decoder(nn.Module):
    """Four times: double the resolution, join the encoder's feature if there is one, two convolutions.

    Parameters
    ----------
    sizes : Sizes
        Widths and depths.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        *skips, _ = resnet_widths(sizes.width, len(sizes.depths))
        first, *widths = sizes.decoder_widths
        self.first = _conv_bn_relu(sizes.hidden, first)
        inputs = map(sum, zip((first, *widths[:-1]), (*reversed(skips), 0), strict=True))
        self.blocks = nn.ModuleList(
            nn.Sequential(_conv_bn_relu(joined, channels), _conv_bn_relu(channels, channels))
            for joined, channels in zip(inputs, widths, strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map features at strides 2, 4, 8 and 16 to one (B, C, H, W) at stride 1."""
        *skips, x = features
        x = self.first(x)
        for block in self.blocks:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = block(torch.cat((x, skips.pop()), dim=1) if skips else x)
        return x


class TransUNet(TwinNetworks):
    """Two TransUNets, one for CT and one for PET.

    Patches may be rectangular; the original takes square ones.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "r50_b16", the original's R50-ViT-B_16, or "nano", a small one for tests.
    """

    stride: ClassVar[int] = 16
    keeps_corners: ClassVar[bool] = True

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "r50_b16",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, SIZES)
        self.encoder = for_each_modality(Encoder, sizes, self.patch_size)
        self.decoder = for_each_modality(Decoder, sizes)
        self.heads = for_each_modality(lambda: nn.Conv2d(sizes.decoder_widths[-1], num_classes, 3, padding=1))

    def position_grid(self, name: str, patch_size: tuple[int, int]) -> tuple[int, int] | None:
        """Return the grid of the position embeddings; None for other tensors."""
        return _grid(patch_size) if name.endswith(POSITIONS) else None

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in Google's file of ResNet-50 and ViT-B, with which both encoders start."""
        return pretrained_name(name)

    def names_of_one(self, name: str) -> list[str]:
        """Return the names in the authors' repository."""
        return original_names(name)


def _grid(patch_size: tuple[int, int]) -> tuple[int, int]:
    return patch_size[0] // TransUNet.stride, patch_size[1] // TransUNet.stride


def _conv_bn_relu(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), BatchNorm(out_channels), nn.ReLU()
    )
