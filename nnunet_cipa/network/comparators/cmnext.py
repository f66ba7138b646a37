"""CMNeXt: CMX with a convolutional encoder for PET, whose blocks mix by pooling and are gated by channel.

Source: Zhang et al., Delivering Arbitrary-Modal Semantic Segmentation, CVPR 2023, arXiv 2303.01480.
"""

import re
from functools import partial

import torch
import torch.nn.functional as F
from timm.layers import DropPath, LayerNorm2d
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS
from nnunet_cipa.network.comparators.cmx import CMX, HEAD_WIDTH, TwoEncoders
from nnunet_cipa.network.comparators.comparator import rename
from nnunet_cipa.network.layers.basic import BatchNorm
from nnunet_cipa.network.layers.mit import MiTSizes, MixTransformer, init_as_mit
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.segformer_head import SegFormerHead, segformer_head_name

MLP_RATIOS = (8, 8, 4, 4)
POOLS = (3, 7, 11)
LAYER_SCALE = 0.01
NORM_EPS = 1e-6  # of the norms of channels


class PoolingMixer(nn.Module):
    """Parallel pooling: a map is weighed by what means over several windows of it tell, and added to itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.weigh = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        local = self.local(x)
        means = [F.avg_pool2d(local, size, 1, size // 2, count_include_pad=False) for size in POOLS]
        return x + x * self.weigh(sum(means, local))


class GatedBlock(Recomputing):
    """Pooling mixer and MLP, between which a gate for each channel replaces the residual.

    Parameters
    ----------
    channels : int
        C.
    mlp_ratio : int
        Width of the MLP as a multiple of C.
    drop_path : float
        Rate of stochastic depth of both branches.
    """

    def __init__(self, channels: int, mlp_ratio: int, drop_path: float) -> None:
        super().__init__()
        inner = mlp_ratio * channels
        self.norm1 = BatchNorm(channels)
        self.mixer = PoolingMixer(channels)
        self.gate = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.norm2 = BatchNorm(channels)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner),
            nn.GELU(),
            nn.Conv2d(inner, channels, 1),
        )
        self.scale1 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.scale2 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        mixed = self.run(self.mixer, self.norm1(x))
        x = x + self.drop_path(self.scale1[:, None, None] * mixed)
        gate = self.gate(x.mean((2, 3))[:, None]).sigmoid()[:, 0, :, None, None]
        mapped = self.run(self.mlp, self.norm2(x))
        return gate * x + self.drop_path(self.scale2[:, None, None] * mapped)


class PoolingEncoder(nn.Module):
    """The encoder of PET: four stages of gated blocks, run one by one. Maps are channels-first.

    Parameters
    ----------
    sizes : MiTSizes
        Those of the encoder of CT; there are no heads.
    """

    def __init__(self, sizes: MiTSizes) -> None:
        super().__init__()
        rates = iter(torch.linspace(0, sizes.drop_path, sum(sizes.depths)).tolist())
        before = (IMAGE_CHANNELS, *sizes.widths)
        self.embeds = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before[level], channels, 3 if level else 7, 2 if level else 4, 1 if level else 3),
                LayerNorm2d(channels, eps=NORM_EPS),
            )
            for level, channels in enumerate(sizes.widths)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(GatedBlock(channels, ratio, next(rates)) for _ in range(depth)))
            for channels, ratio, depth in zip(sizes.widths, MLP_RATIOS, sizes.depths, strict=True)
        )
        self.norms = nn.ModuleList(LayerNorm2d(channels, eps=NORM_EPS) for channels in sizes.widths)

    def run_stage(self, level: int, x: Tensor) -> Tensor:
        """Map an image (level 0) or the map of the stage before, (B, C', H', W'), to this stage's, (B, C, H, W)."""
        return self.norms[level](self.stages[level](self.embeds[level](x)))


class CMNeXt(CMX):
    """CMNeXt on slices of CT and PET; arguments are those of CMX."""

    def make_encoder(self, sizes: MiTSizes) -> TwoEncoders:
        """Make the encoders of CT and PET."""
        return TwoEncoders(MixTransformer(sizes, nn.LayerNorm), PoolingEncoder(sizes))

    def make_decoder(self, sizes: MiTSizes, num_classes: int) -> SegFormerHead:
        """Make what maps the fused features to logits at stride 4."""
        return SegFormerHead(sizes.widths, HEAD_WIDTH, num_classes)

    def init_weights(self) -> None:
        """Fill linear layers and two-dimensional convolutions, groups or not, all over the network."""
        self.apply(partial(init_as_mit, per_group=False))

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in SegFormer's file of MiT, with which the encoder of CT starts."""
        return None if name.startswith("encoder.pet.") else super().pretrained_name(name)

    def original_names(self, name: str) -> list[str]:
        """Return the one name in the authors' repository."""
        if name.startswith("decoder."):
            return ["decode_head." + segformer_head_name(name.removeprefix("decoder."))]
        for pattern, theirs in _NAMES:
            match = re.match(pattern, name)
            if match:
                return [theirs.format(match[1], int(match[1]) + 1) + rename(name[match.end() :], _IN_BLOCK)]
        return super().original_names(name)


_NAMES = [
    (r"encoder\.pet\.embeds\.(\d)\.0", "backbone.extra_downsample_layers.{0}.proj.module"),
    (r"encoder\.pet\.embeds\.(\d)\.1", "backbone.extra_downsample_layers.{0}.norm.ln_0"),
    (r"encoder\.pet\.stages\.(\d)", "backbone.extra_block{1}"),
    (r"encoder\.pet\.norms\.(\d)", "backbone.extra_norm{1}"),
]
_IN_BLOCK = [
    (r"\.mixer\.local\.", ".attn.conv0."),
    (r"\.mixer\.weigh\.0\.", ".attn.conv4."),
    (r"\.gate\.", ".c_nets.0."),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.1\.", ".mlp.dwconv.dwconv."),
    (r"\.mlp\.3\.", ".mlp.fc2."),
    (r"\.scale(\d)$", r".layer_scale_\1"),
]
