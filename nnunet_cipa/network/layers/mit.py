"""MiT, the encoder of SegFormer: timm's PVT v2 with the MLP ratios of MiT. Maps are channels-first.

Source: Xie et al., SegFormer, NeurIPS 2021, arXiv 2105.15203.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from timm.layers import DropPath
from timm.models.pvt_v2 import Block, PyramidVisionTransformerV2
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS
from nnunet_cipa.network.layers.recomputing import Recomputing

BLOCK_NORM = partial(nn.LayerNorm, eps=1e-6)


@dataclass(frozen=True)
class MiTSizes:
    """Widths, depths and heads of one size of MiT.

    Parameters
    ----------
    depths : tuple of int
        Blocks in each of the four stages.
    widths : tuple of int
        Channels of the four stages, at strides 4, 8, 16 and 32.
    heads : tuple of int
        Heads of the attention in each stage.
    drop_path : float
        Highest rate of stochastic depth, a linear ramp from zero over all blocks.
    """

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int] = (64, 128, 320, 512)
    heads: tuple[int, int, int, int] = (1, 2, 5, 8)
    drop_path: float = 0.1


MIT_SIZES = {
    "b2": MiTSizes((3, 4, 6, 3)),
    "b3": MiTSizes((3, 4, 18, 3)),
    "nano": MiTSizes((1, 1, 1, 1), (16, 32, 64, 64), (1, 2, 4, 4), drop_path=0.0),
}


class MixTransformer(Recomputing, PyramidVisionTransformerV2):
    """MiT that is run stage by stage, so that something can come in between.

    Weights start as timm has them, which is as SegFormer does: linear layers truncated normal, convolutions normal.

    Parameters
    ----------
    sizes : MiTSizes
        Widths, depths, heads and stochastic depth.
    norm_layer : callable
        Makes the norms of blocks and stages from a number of channels; eps 1e-6 by default. The norms of patch
        embeddings and of reduced keys are layer norms with eps 1e-5.
    in_channels : int
        Channels of an image.
    """

    def __init__(
        self,
        sizes: MiTSizes,
        norm_layer: Callable[[int], nn.Module] = BLOCK_NORM,
        in_channels: int = IMAGE_CHANNELS,
    ) -> None:
        super().__init__(
            in_chans=in_channels,
            num_classes=0,
            depths=sizes.depths,
            embed_dims=sizes.widths,
            num_heads=sizes.heads,
            mlp_ratios=(4, 4, 4, 4),
            drop_path_rate=sizes.drop_path,
            norm_layer=cast("type[nn.Module]", norm_layer),
        )

    @property
    def recompute(self) -> bool:
        """Whether blocks are computed again in the backward pass; timm does it."""
        return any(stage.grad_checkpointing for stage in self.stages)

    @recompute.setter
    def recompute(self, enabled: bool) -> None:
        self.set_grad_checkpointing(enabled)

    def run_stage(self, level: int, x: Tensor) -> Tensor:
        """Map an image (level 0) or the map of the stage before, (B, C', H', W'), to this stage's, (B, C, H, W)."""
        return self.stages[level](x if level else self.patch_embed(x))

    def set_drop_path(self, level: int, rate: float) -> None:
        """Give all blocks of a stage one rate of stochastic depth."""
        for block in self.stages[level].modules():
            if isinstance(block, Block):
                block.drop_path1, block.drop_path2 = DropPath(rate), DropPath(rate)


def segformer_name(name: str) -> str:
    """Return SegFormer's name of a tensor of ``MixTransformer``, which the files of its ImageNet weights have."""
    name = re.sub(r"^stages\.(\d)\.(blocks\.|downsample\.|norm\.)", _count_from_one, name)
    return re.sub(r"^patch_embed\.", "patch_embed1.", name).replace(".dwconv.", ".dwconv.dwconv.")


def _count_from_one(match: re.Match[str]) -> str:
    part = {"blocks.": "block{}.", "downsample.": "patch_embed{}.", "norm.": "norm{}."}[match[2]]
    return part.format(int(match[1]) + 1)


def init_as_mit(module: nn.Module, *, per_group: bool = True) -> None:
    """Fill linear layers (truncated normal, 0.02) and convolutions (normal, by the outputs of a group) as MiT does."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        outputs = math.prod(module.kernel_size) * module.out_channels // (module.groups if per_group else 1)
        nn.init.normal_(module.weight, std=math.sqrt(2 / outputs))
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
