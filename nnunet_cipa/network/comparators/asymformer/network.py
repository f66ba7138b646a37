"""AsymFormer: ConvNeXt-Tiny on CT and Mix Transformer B0 on PET, joined into the smaller stream at three stages.

Source: Du et al., AsymFormer: Asymmetrical Cross-Modal Representation Learning for Mobile Platform Real-Time RGB-D
Semantic Segmentation, CVPR 2024 workshops, arXiv 2309.14065. Maps are channels-first, (B, C, H, W), as timm's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import timm
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.asymformer.fusion import Fusion
from nnunet_cipa.network.comparators.comparator import Comparator, rename
from nnunet_cipa.network.layers.mit import MiTSizes, MixTransformer
from nnunet_cipa.network.layers.segformer_head import SegFormerHead

CT_DROP_PATH = 0.3


@dataclass(frozen=True)
class Sizes:
    """Widths and depths of one network size: of the ConvNeXt for CT, of the MiT for PET, of the decoder."""

    ct_widths: tuple[int, ...]
    ct_depths: tuple[int, ...]
    pet: MiTSizes
    decoder_width: int


SIZES = {
    "tiny": Sizes((96, 192, 384, 768), (3, 3, 9, 3), MiTSizes((2, 2, 2, 2), (32, 64, 160, 256)), 256),
    "nano": Sizes((16, 32, 64, 128), (1, 1, 1, 1), MiTSizes((1, 1, 1, 1), (8, 16, 32, 64), (1, 1, 2, 2)), 32),
}


class Encoder(nn.Module):
    """A ConvNeXt for CT and a Mix Transformer for PET."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.ct = timm.create_model(
            "convnext_tiny",
            features_only=True,
            depths=sizes.ct_depths,
            dims=sizes.ct_widths,
            drop_path_rate=CT_DROP_PATH,
        )
        self.pet = MixTransformer(sizes.pet, in_channels=1)

    def forward(self, ct: Tensor, pet: Tensor, fusions: nn.ModuleList) -> list[Tensor]:
        """Map CT (B, 3, H, W) and PET (B, 1, H, W) to features of four stages, each but the first one fused."""
        features = [self.pet.run_stage(0, pet)]
        for level, (fusion, of_ct) in enumerate(zip(fusions, self.ct(ct)[1:], strict=True), start=1):
            features.append(fusion(of_ct, self.pet.run_stage(level, features[-1])))
        return features


class AsymFormer(Comparator):
    """AsymFormer on slices of CT and PET; of three slices PET's centre is read, as its stream has one channel.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "tiny", the original's B0_T, or "nano".
    """

    encoder: Encoder

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
        sizes = choose("variant", variant, SIZES)
        self.encoder = Encoder(sizes)
        self.fusions = nn.ModuleList(map(Fusion, sizes.ct_widths[1:], sizes.pet.widths[1:]))
        self.decoder = SegFormerHead(sizes.pet.widths, sizes.decoder_width, num_classes, bias=True)

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        ct, pet = self.images(x)
        logits = self.decoder(self.encoder(ct, pet[:, 1:2], self.fusions))
        return F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)

    def original_names(self, name: str) -> list[str]:
        """Return the name in the authors' repository, whose stages count from 1."""
        name = rename(name, _NAMES)
        return [re.sub(r"^stage(\d)", lambda match: f"down_sample_{int(match[1]) + 1}", name)]

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in ConvNeXt's own files, which have CT's stream."""
        match = re.fullmatch(r"down_sample_(\d)\.rgb_(stem|layer)\.(.+)", self.original_names(name)[0])
        if match is None:
            return None
        part = {"stem": "downsample_layers", "layer": "stages"}[match[2]]
        return f"{part}.{int(match[1]) - 1}.{match[3]}"


_NAMES = [
    (r"^encoder\.ct\.stem_(\d)", r"stage0.rgb_stem.\1"),
    (r"^encoder\.ct\.stages_(\d)\.downsample", r"stage\1.rgb_stem"),
    (r"^encoder\.ct\.stages_(\d)\.blocks", r"stage\1.rgb_layer"),
    (r"\.conv_dw\.", ".dwconv."),
    (r"(rgb_layer\.\d)\.mlp\.fc(\d)", r"\1.pwconv\2"),
    (r"^encoder\.pet\.patch_embed", "stage0.depth_stem"),
    (r"^encoder\.pet\.stages\.(\d)\.downsample", r"stage\1.depth_stem"),
    (r"^encoder\.pet\.stages\.(\d)\.blocks", r"stage\1.depth_layer"),
    (r"^encoder\.pet\.stages\.(\d)\.norm", r"stage\1.depth_norm"),
    (r"\.mlp\.dwconv\.", ".mlp.dwconv.dwconv."),
    *((rf"^fusions\.{stage - 1}\.", f"stage{stage}.SCC.") for stage in (1, 2, 3)),
    (r"\.selection\.pixels\.", ".fus_atten.fc_spatial."),
    (r"\.selection\.channels\.", ".fus_atten.fc_channel."),
    (r"\.reduction\.", ".conv_bn."),
    (r"\.attention\.pet_norm\.", ".cross_atten.bn_x1."),
    (r"\.attention\.ct_norm\.", ".cross_atten.bn_x2."),
    (r"\.attention\.pet_proj\.", ".cross_atten.kq1."),
    (r"\.attention\.ct_proj\.", ".cross_atten.kq2."),
    (r"\.attention\.value_proj\.", ".cross_atten.v_conv."),
    (r"\.attention\.out_proj\.", ".cross_atten.out_conv."),
    (r"\.attention\.out_norm\.", ".cross_atten.bn_last."),
    *((rf"^decoder\.projs\.{stage}\.", f"Decoder.linear_c{stage + 1}.proj.") for stage in range(4)),
    (r"^decoder\.fuse\.", "Decoder.linear_fuse."),
    (r"^decoder\.head\.", "Decoder.linear_pred."),
]
