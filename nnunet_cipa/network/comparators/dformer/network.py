"""DFormer on slices of CT and PET, and what its tensors are called in the original.

Source: Yin et al., DFormer: Rethinking RGBD Representation Learning for Semantic Segmentation, ICLR 2024, arXiv
2309.09668.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.comparator import Comparator, rename
from nnunet_cipa.network.comparators.dformer.encoder import Encoder
from nnunet_cipa.network.comparators.dformer.hamburger import HamburgerHead
from nnunet_cipa.network.comparators.dformer.sizes import SIZES


class DFormer(Comparator):
    """DFormer on slices of CT and PET; of three slices PET's centre is read, as its stream has one channel.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "large" or "nano".
    """

    encoder: Encoder

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "large",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, SIZES)
        self.encoder = Encoder(sizes)
        self.decoder = HamburgerHead(sizes.widths[1:], sizes.decoder_width, sizes.bases, num_classes)

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        ct, pet = self.images(x)
        logits = self.decoder(self.encoder(ct, pet[:, 1:2])[1:])
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)

    def original_names(self, name: str) -> list[str]:
        """Return the name in the authors' repository."""
        return [rename(name, _NAMES)]

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in the authors' ImageNet files, which have the whole encoder."""
        found, original = re.subn(r"^backbone\.", "", self.original_names(name)[0])
        return found if original else None


_NAMES = [
    (r"^encoder\.ct_downs\.", "backbone.downsample_layers."),
    (r"^encoder\.pet_downs\.", "backbone.downsample_layers_e."),
    (r"^encoder\.stages\.", "backbone.stages."),
    (r"\.ct\.attention_scale$", ".layer_scale_1"),
    (r"\.ct\.mlp_scale$", ".layer_scale_2"),
    (r"\.ct\.mlp\.", ".mlp."),
    (r"\.pet\.attention_scale$", ".layer_scale_1_e"),
    (r"\.pet\.mlp_scale$", ".layer_scale_2_e"),
    (r"\.pet\.mlp\.", ".mlp_e2."),
    (r"\.position\.0\.", ".pos."),
    (r"\.attention\.ct_norm\.", ".attn.norm."),
    (r"\.attention\.pet_norm\.", ".attn.norm_e."),
    (r"\.attention\.local_in\.", ".attn.l."),
    (r"\.attention\.local_conv\.0\.", ".attn.conv."),
    (r"\.attention\.local_out\.", ".attn.a."),
    (r"\.attention\.local_values\.", ".attn.q."),
    (r"\.attention\.pooled\.query\.", ".attn.short_cut_linear."),
    (r"\.attention\.pooled\.key_value\.", ".attn.kv."),
    (r"\.attention\.pet_in\.", ".attn.e_fore."),
    (r"\.attention\.pet_conv\.0\.", ".attn.e_conv."),
    (r"\.attention\.pet_out\.", ".attn.e_back."),
    (r"\.attention\.pet_values\.", ".attn.q_cut."),
    (r"\.attention\.ct_proj\.", ".attn.proj."),
    (r"\.attention\.pet_proj\.", ".attn.proj_e."),
    (r"^decoder\.(squeeze|align)\.0\.", r"decode_head.\1.conv."),
    (r"^decoder\.(squeeze|align)\.1\.", r"decode_head.\1.bn."),
    (r"^decoder\.ham_in\.", "decode_head.hamburger.ham_in.conv."),
    (r"^decoder\.ham_out\.0\.", "decode_head.hamburger.ham_out.conv."),
    (r"^decoder\.ham_out\.1\.", "decode_head.hamburger.ham_out.bn."),
    (r"^decoder\.head\.", "decode_head.conv_seg."),
]
