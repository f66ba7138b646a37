"""CMX: an MiT for CT and one for PET that rectify each other at every stage, feature fusion, MLP decoder.

Source: Zhang et al., CMX: Cross-Modal Fusion for RGB-X Semantic Segmentation with Transformers, IEEE Transactions on
Intelligent Transportation Systems 2023, arXiv 2203.04838.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.comparator import Comparator
from nnunet_cipa.network.layers.mit import MIT_SIZES, MiTSizes, MixTransformer, init_as_mit, segformer_name
from nnunet_cipa.network.layers.rectify_fuse import FeatureFusion, FeatureRectification
from nnunet_cipa.network.layers.segformer_head import SegFormerHead, segformer_head_name

HEAD_WIDTH = 512
HEAD_EPS = 1e-3


class Staged(Protocol):
    """An encoder that is run stage by stage."""

    def run_stage(self, level: int, x: Tensor) -> Tensor:
        """Map an image (level 0) or the map of the stage before to this stage's."""


class TwoEncoders(nn.Module):
    """An encoder for CT and one for PET."""

    def __init__(self, ct: Staged, pet: Staged) -> None:
        super().__init__()
        self.ct = ct
        self.pet = pet

    def run_stage(self, level: int, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        """Run one stage of both."""
        return self.ct.run_stage(level, ct), self.pet.run_stage(level, pet)


class CMX(Comparator):
    """CMX on slices of CT and PET.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        Of MiT: "b2", as in the CVPR paper's table, "b3" or "nano".
    """

    encoder: TwoEncoders

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "b2",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, MIT_SIZES)
        self.encoder = self.make_encoder(sizes)
        self.rectifications = nn.ModuleList(FeatureRectification(channels) for channels in sizes.widths)
        self.fusions = nn.ModuleList(map(FeatureFusion, sizes.widths, sizes.heads))
        self.decoder = self.make_decoder(sizes, num_classes)
        self.init_weights()

    def make_encoder(self, sizes: MiTSizes) -> TwoEncoders:
        """Make the encoders of CT and PET."""
        encoders = MixTransformer(sizes), MixTransformer(sizes)
        rates = torch.linspace(0, sizes.drop_path, sum(sizes.depths)).tolist()
        for place, encoder in enumerate(encoders):
            encoder.set_drop_path(1, rates[sizes.depths[0] + place])  # one rate for the stage, as in the original
        return TwoEncoders(*encoders)

    def make_decoder(self, sizes: MiTSizes, num_classes: int) -> SegFormerHead:
        """Make what maps the fused features to logits at stride 4."""
        return SegFormerHead(sizes.widths, HEAD_WIDTH, num_classes, bias=True, eps=HEAD_EPS)

    def init_weights(self) -> None:
        """Fill what starts otherwise than timm and PyTorch have it."""
        self.rectifications.apply(init_as_mit)
        self.fusions.apply(init_as_mit)
        for layer in self.decoder.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        ct, pet = self.images(x)
        fused = []
        for level, (rectify, fuse) in enumerate(zip(self.rectifications, self.fusions, strict=True)):
            ct, pet = rectify(*self.encoder.run_stage(level, ct, pet))
            fused.append(fuse(ct, pet))
        return F.interpolate(self.decoder(fused), size=x.shape[-2:], mode="bilinear", align_corners=False)

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in SegFormer's file of MiT, with which both encoders start."""
        match = re.match(r"encoder\.(ct|pet)\.", name)
        return segformer_name(name[match.end() :]) if match else None

    def original_names(self, name: str) -> list[str]:
        """Return the one name in the authors' repository."""
        part, _, rest = name.partition(".")
        if part == "encoder":
            modality, _, layer = rest.partition(".")
            return [{"ct": "backbone.", "pet": "backbone.extra_"}[modality] + segformer_name(layer)]
        if part == "decoder":
            fuse = rest.replace("fuse.", "linear_fuse.")
            return ["decode_head." + (segformer_head_name(rest) if fuse == rest else fuse)]
        return [original_fusion(name)]


def original_fusion(name: str) -> str:
    """Return the original's name of a tensor of rectification or fusion."""
    name = name.replace(".CT.", "1.").replace(".PET.", "2.")
    pattern, theirs = next(pair for pair in _NAMES if re.match(pair[0], name))
    return re.sub(pattern, theirs, name)


_NAMES = [
    (r"^rectifications\.(\d)\.(\w+)\.", r"backbone.FRMs.\1.\2.mlp."),
    (r"^fusions\.(\d)\.projs(?=\d)", r"backbone.FFMs.\1.cross.channel_proj"),
    (r"^fusions\.(\d)\.key_values(?=\d)", r"backbone.FFMs.\1.cross.cross_attn.kv"),
    (r"^fusions\.(\d)\.end_projs(?=\d)", r"backbone.FFMs.\1.cross.end_proj"),
    (r"^fusions\.(\d)\.norms(?=\d)", r"backbone.FFMs.\1.cross.norm"),
    (r"^fusions\.(\d)\.branch\.", r"backbone.FFMs.\1.channel_emb.channel_embed."),
    (r"^fusions\.(\d)\.(residual|norm)\.", r"backbone.FFMs.\1.channel_emb.\2."),
]
