"""MobileSAM's image encoder: timm's TinyViT with a longer last stride, and a neck."""

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from timm.layers import LayerNorm2d
from timm.models.tiny_vit import Attention, TinyVit
from torch import Tensor, nn


@dataclass(frozen=True)
class SAMSizes:
    """Sizes of a TinyViT, the side of the square image that it is given, and the channels of its neck."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]
    side: int
    channels: int


MOBILE_SAM = SAMSizes((64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10), (7, 7, 14, 7), 1024, 256)


class ImageEncoder(nn.Module):
    """Frozen, and always in evaluation, so that batch norms keep SAM's statistics.

    Parameters
    ----------
    sizes : SAMSizes
        Of the network and its input.
    """

    def __init__(self, sizes: SAMSizes) -> None:
        super().__init__()
        network = TinyVit(
            num_classes=0,
            embed_dims=sizes.widths,
            depths=sizes.depths,
            num_heads=sizes.heads,
            window_sizes=sizes.windows,
            drop_path_rate=0,
        )
        self.side = sizes.side
        self.patch_embed = network.patch_embed
        self.stages = network.stages
        self.stages.get_submodule("3.downsample.conv2.conv").stride = (1, 1)  # type: ignore[assignment]
        self.neck = nn.Sequential(
            nn.Conv2d(sizes.widths[-1], sizes.channels, 1, bias=False),
            LayerNorm2d(sizes.channels, eps=1e-6),
            nn.Conv2d(sizes.channels, sizes.channels, 3, padding=1, bias=False),
            LayerNorm2d(sizes.channels, eps=1e-6),
        )
        self.requires_grad_(requires_grad=False)
        self.train()

    def train(self, mode: bool = True) -> "ImageEncoder":  # noqa: ARG002
        """Stay in evaluation.

        There timm's attention keeps a copy of its position biases that weights loaded later would not reach, and
        nothing else of it depends on the mode.
        """
        super().train(mode=False)
        for module in self.modules():
            if isinstance(module, Attention):
                module.training = True
        return self

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Map an image (B, 3, H, W) of any size to (B, C, side/16, side/16)."""
        image = F.interpolate(image, (self.side, self.side), mode="bilinear", align_corners=True)
        return self.neck(self.stages(self.patch_embed(image)))


def mobile_sam_name(name: str) -> str:
    """Return the name of a tensor in MobileSAM's file."""
    name = re.sub(r"^patch_embed\.conv(\d)", lambda match: f"patch_embed.seq.{2 * (int(match[1]) - 1)}", name)
    name = re.sub(r"^stages\.(\d)\.downsample", lambda match: f"layers.{int(match[1]) - 1}.downsample", name)
    name = re.sub(r"^stages", "layers", name)
    return "image_encoder." + name.replace(".conv.", ".c.")
