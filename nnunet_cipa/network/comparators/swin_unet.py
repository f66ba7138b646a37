"""Swin-Unet, a U-shaped network of shifted-window transformer blocks, one for CT and one for PET.

Source: Cao et al., Swin-Unet: Unet-like Pure Transformer for Medical Image Segmentation, ECCV 2022 workshops,
arXiv 2105.05537. The blocks are timm's.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS, choose
from nnunet_cipa.network.cipa.decoder import PatchExpand
from nnunet_cipa.network.cipa.encoder import PatchEmbed, PatchMerging
from nnunet_cipa.network.comparators.twins import TwinNetworks
from nnunet_cipa.network.layers.basic import depth_to_space, for_each_modality, init_linear
from nnunet_cipa.network.layers.recomputing import Recomputing

WIDTHS = {"tiny": 96, "nano": 12}  # of the original, and a small one for tests
HEADS = 3, 6, 12, 24
DEPTH = 2  # blocks of a stage
DROP_PATH = 0.2


class SwinBlock(Recomputing, SwinTransformerBlock):
    """Attention within windows and an MLP, each added to what came in: (B, H, W, C) to the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Transform ``x``."""
        return self.run(super().forward, x)


class Encoder(nn.Module):
    """Patch embedding and four stages of Swin blocks with patch merging between them.

    Parameters
    ----------
    patch_size : (int, int)
        (H, W) in pixels.
    width : int
        Channels at stride 4; those at strides 8, 16 and 32 double.
    """

    def __init__(self, patch_size: tuple[int, int], width: int) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(IMAGE_CHANNELS, width)
        self.stages = nn.ModuleList(_stage(patch_size, width, level) for level in range(4))
        self.merges = nn.ModuleList(PatchMerging(width * 2**level) for level in range(3))
        self.norm = nn.LayerNorm(8 * width)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map an image (B, 3, H, W) to what goes into the first three stages, and what the last one makes."""
        x = self.patch_embed(x)
        features = []
        for stage, merge in zip(self.stages[:-1], self.merges, strict=True):
            features.append(x)
            x = merge(stage(x))
        return [*features, self.norm(self.stages[-1](x))]


class Decoder(nn.Module):
    """Patch expansion, and three stages of Swin blocks that join the encoder's features.

    Parameters
    ----------
    patch_size, width
        As for ``Encoder``.
    """

    def __init__(self, patch_size: tuple[int, int], width: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in (2, 1, 0)]
        self.expands = nn.ModuleList(PatchExpand(2 * channels) for channels in widths)
        self.joins = nn.ModuleList(nn.Linear(2 * channels, channels) for channels in widths)
        self.stages = nn.ModuleList(_stage(patch_size, width, level) for level in (2, 1, 0))
        self.norm = nn.LayerNorm(width)
        self.final_expand = FinalExpand(width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map the encoder's features to one (B, C, H, W)."""
        *skips, x = features
        for expand, join, stage in zip(self.expands, self.joins, self.stages, strict=True):
            x = stage(join(torch.cat((expand(x), skips.pop()), dim=-1)))
        return self.final_expand(self.norm(x)).permute(0, 3, 1, 2)


class FinalExpand(nn.Module):
    """Bring stride 4 to stride 1 by pixel shuffle: (B, H, W, C) to (B, 4H, 4W, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, 16 * channels, bias=False)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Expand ``x``."""
        return self.norm(depth_to_space(self.expand(x), 4))


class SwinUnet(TwinNetworks):
    """Two Swin-Unets, one for CT and one for PET.

    A window has as many pixels at each stride as the patch has at stride 32: 16 x 16 for 512 x 512, 7 x 7 for the
    original's 224 x 224, and rectangular in a rectangular patch, for which the original is not defined.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "tiny", the original's, or "nano", a small one for tests.
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "tiny",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        width = choose("variant", variant, WIDTHS)
        self.encoder = for_each_modality(Encoder, self.patch_size, width)
        self.decoder = for_each_modality(Decoder, self.patch_size, width)
        self.heads = for_each_modality(lambda: nn.Conv2d(width, num_classes, 1, bias=False))
        self.apply(init_linear)

    def position_grid(self, name: str, patch_size: tuple[int, int]) -> tuple[int, int] | None:
        """Return the grid of differences in place that a window's position biases are for; None for other tensors."""
        if not name.endswith("relative_position_bias_table"):
            return None
        rows, columns = _window(patch_size)
        return 2 * rows - 1, 2 * columns - 1

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in the file of Swin-T, whose first blocks the decoder starts with too."""
        original = self.original_names(name)[0]
        mirrored = re.match(r"layers_up\.(\d)\.blocks", original)
        if mirrored:
            return f"layers.{3 - int(mirrored[1])}.blocks{original[mirrored.end() :]}"
        return original if original.startswith(("patch_embed.", "layers.", "norm.")) else None

    def names_of_one(self, name: str) -> list[str]:
        """Return the names in the authors' repository."""
        for pattern, theirs in _NAMES:
            name, count = re.subn(pattern, theirs, name)
            if count:
                break
        return [name]


_NAMES = [
    (r"^encoder\.patch_embed\.proj\.0", "patch_embed.proj"),
    (r"^encoder\.stages\.(\d)", r"layers.\1.blocks"),
    (r"^encoder\.merges\.(\d)", r"layers.\1.downsample"),
    (r"^encoder\.", ""),
    (r"^decoder\.expands\.0", "layers_up.0"),
    (r"^decoder\.expands\.(\d)", r"layers_up.\1.upsample"),
    (r"^decoder\.joins\.0", "concat_back_dim.1"),
    (r"^decoder\.joins\.1", "concat_back_dim.2"),
    (r"^decoder\.joins\.2", "concat_back_dim.3"),
    (r"^decoder\.stages\.0", "layers_up.1.blocks"),
    (r"^decoder\.stages\.1", "layers_up.2.blocks"),
    (r"^decoder\.stages\.2", "layers_up.3.blocks"),
    (r"^decoder\.final_expand", "up"),
    (r"^decoder\.norm", "norm_up"),
    (r"^heads", "output"),
]


def _stage(patch_size: tuple[int, int], width: int, level: int) -> nn.Sequential:
    """Make the blocks at stride 4 * 2**level; every second one has shifted windows."""
    blocks = range(level * DEPTH, (level + 1) * DEPTH)
    rows, columns = _window(patch_size)
    shifts = (0, 0), (rows // 2, columns // 2)
    return nn.Sequential(
        *(
            SwinBlock(
                width * 2**level,
                (rows * 2 ** (3 - level), columns * 2 ** (3 - level)),
                HEADS[level],
                window_size=(rows, columns),
                shift_size=shifts[block % 2],  # type: ignore[arg-type]  # it takes a pair, as of window_size
                drop_path=DROP_PATH * block / (4 * DEPTH - 1),
            )
            for block in blocks
        )
    )


def _window(patch_size: tuple[int, int]) -> tuple[int, int]:
    return patch_size[0] // 32, patch_size[1] // 32
