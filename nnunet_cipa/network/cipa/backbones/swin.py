"""Swin-T as CIPA's encoder: one for CT and PET, or one each that rectify each other. The blocks are torchvision's."""

import re
from typing import ClassVar, cast

from torch import Tensor, nn
from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlock

from nnunet_cipa.network.arguments import MODALITIES
from nnunet_cipa.network.cipa.backbones.swin_names import microsoft_name
from nnunet_cipa.network.cipa.encoding import STAGES, Encoder, SharedEncoder
from nnunet_cipa.network.cipa.variants import Variant
from nnunet_cipa.network.layers.basic import for_each_modality
from nnunet_cipa.network.layers.mit import init_as_mit
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.rectify_fuse import FeatureFusion, FeatureRectification

DEPTHS = {96: (2, 2, 6, 2)}  # by the first width of the features
FEW = (1, 1, 2, 1)
WINDOW = 7
HEAD_WIDTH = 32
ATTENTION_DROPOUT = 0.3
DROP_PATH = 0.1


class SwinBlock(Recomputing, SwinTransformerBlock):
    """Attention within windows and an MLP, each added to what came in: (B, H, W, C) to the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Transform ``x``."""
        return self.run(super().forward, x)


class Swin(nn.Module):
    """Swin with a LayerNorm on what each stage hands out; the next stage gets it without.

    Parameters
    ----------
    sizes : Variant
        Widths: Swin-T for "tiny"; "nano" has few blocks.
    in_channels : int
        Channels of an image.

    Notes
    -----
    Source: Liu et al., Swin Transformer, ICCV 2021. Dropout of the attention and stochastic depth are those of the
    two-stream Swin of CMX.
    """

    def __init__(self, sizes: Variant, in_channels: int) -> None:
        super().__init__()
        self.features = SwinTransformer(
            [4, 4],
            sizes.width,
            list(DEPTHS.get(sizes.width, FEW)),
            heads_of(sizes),
            [WINDOW, WINDOW],
            attention_dropout=ATTENTION_DROPOUT,
            stochastic_depth_prob=DROP_PATH,
            block=SwinBlock,
        ).features
        if in_channels != self.features[0][0].in_channels:
            self.features[0][0] = nn.Conv2d(in_channels, sizes.width, 4, 4)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in sizes.widths)

    def run_stage(self, level: int, x: Tensor) -> Tensor:
        """Map an image (B, in_channels, H, W), or the map of the stage before, to this stage's (B, H/s, W/s, C)."""
        return self.features[2 * level + 1](self.features[2 * level](x))

    def hand_out(self, level: int, x: Tensor) -> Tensor:
        """Normalise a stage's map (B, H/s, W/s, C) to its feature."""
        return self.norms[level](x)


class SharedSwinEncoder(SharedEncoder):
    """One Swin for CT and PET.

    Parameters
    ----------
    sizes, in_channels
        As for ``Swin``.
    """

    image_layers: ClassVar[tuple[str, ...]] = ("trunk.features.0.0.weight",)
    output_layers: ClassVar[tuple[str, ...]] = ("trunk.norms.{}",)

    def __init__(self, sizes: Variant, in_channels: int) -> None:
        super().__init__(in_channels)
        self.trunk = Swin(sizes, in_channels)

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in Microsoft's file of Swin-T."""
        return microsoft_name(name.removeprefix("trunk."))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (B, in_channels, H, W), sides multiples of 32, to features (B, H/s, W/s, C), s = 4, 8, 16, 32."""
        features = []
        for level in range(STAGES):
            x = self.trunk.run_stage(level, x)
            features.append(self.trunk.hand_out(level, x))
        return features


class TwoStreamSwinEncoder(Encoder):
    """A Swin for CT and one for PET, which rectify each other's maps after every stage (FRM of CMX).

    Its features are fused by CMX's FFM too, whose map is added to CIPA's fused feature.

    Parameters
    ----------
    sizes, in_channels
        As for ``Swin``.

    Notes
    -----
    How CIPA (Swin-T) of arXiv 2503.17261, table 2, is composed is not published. This has its number of parameters and
    its multiply-adds; where FFM's map goes is ours.
    """

    image_layers: ClassVar[tuple[str, ...]] = tuple(f"streams.{name}.features.0.0.weight" for name in MODALITIES)
    output_layers: ClassVar[tuple[str, ...]] = tuple(f"streams.{name}.norms.{{}}" for name in MODALITIES)

    def __init__(self, sizes: Variant, in_channels: int) -> None:
        super().__init__(in_channels)
        self.sizes = sizes
        self.streams = for_each_modality(Swin, sizes, in_channels)
        self.rectifications = nn.ModuleList(FeatureRectification(width) for width in sizes.widths)
        self.rectifications.apply(init_as_mit)

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in Microsoft's file of Swin-T, with which both streams start."""
        return microsoft_name(re.sub(r"^streams\.\w+\.", "", name))

    def encode_both(self, ct: Tensor, pet: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode CT and PET (B, S, H, W), one slice repeated for all channels, to the pair of each stage."""
        ct_stream, pet_stream = (cast("Swin", self.streams[name]) for name in MODALITIES)
        ct, pet = self.widen(ct), self.widen(pet)
        features = []
        for level in range(STAGES):
            ct, pet = ct_stream.run_stage(level, ct), pet_stream.run_stage(level, pet)
            ct, pet = self.rectifications[level](ct.permute(0, 3, 1, 2), pet.permute(0, 3, 1, 2))
            ct, pet = ct.permute(0, 2, 3, 1), pet.permute(0, 2, 3, 1)
            features.append((ct_stream.hand_out(level, ct), pet_stream.hand_out(level, pet)))
        return features

    def make_fusion(self, level: int) -> FeatureFusion:
        """Make the FFM of a stage."""
        fusion = FeatureFusion(self.sizes.widths[level], heads_of(self.sizes)[level])
        fusion.apply(init_as_mit)
        return fusion


def heads_of(sizes: Variant) -> list[int]:
    """Return the number of heads at each stage: 3, 6, 12, 24 for the widths of "tiny"."""
    return [width // HEAD_WIDTH for width in sizes.widths]
