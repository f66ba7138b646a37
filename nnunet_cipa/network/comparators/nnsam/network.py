"""nnSAM: nnU-Net, whose decoder also gets what a frozen SAM encoder sees.

Source: Li et al., nnSAM: Plug-and-play Segment Anything Model Improves nnUNet Performance, arXiv 2309.16967, as
released: without the boundary part of the paper's third version. How the CVPR paper ran it on pairs is not published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from nnunet_cipa.network.arguments import IMAGE_CHANNELS, choose
from nnunet_cipa.network.comparators.comparator import Comparator
from nnunet_cipa.network.comparators.nnsam.image_encoder import MOBILE_SAM, ImageEncoder, SAMSizes, mobile_sam_name
from nnunet_cipa.network.comparators.nnsam.unet import JOINED, admit_patch, build_unet, plan_strides, total_stride


@dataclass(frozen=True)
class Sizes:
    """Sizes of SAM's encoder, and the U-Net's channels at full resolution and at most."""

    sam: SAMSizes
    width: int
    most: int


SIZES = {
    "mobile_sam": Sizes(MOBILE_SAM, 32, 512),
    "nano": Sizes(SAMSizes((8, 16, 16, 16), (1, 1, 1, 1), (1, 2, 2, 2), (2, 2, 2, 2), 64, 8), 8, 16),  # for tests
}


class NnSAM(Comparator):
    """nnU-Net on CT and PET; the map that MobileSAM's encoder makes of each joins the skip at stride 8.

    SAM's encoder sees each modality by itself, as the released code gives it images of one channel, and the U-Net sees
    the same three channels of each. ``encoder`` is SAM's; it is frozen, and of use with SAM's weights alone.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``. The U-Net has the stages that nnU-Net plans for the patch, and at least five.
    variant : str
        "mobile_sam", as released, or "nano", a small one for tests.
    """

    head: ClassVar[str] = "decoder.seg_layers"
    encoder: ImageEncoder

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "mobile_sam",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, SIZES)
        self.strides = plan_strides(self.patch_size)
        self.check_size(self.patch_size)
        self.encoder = ImageEncoder(sizes.sam)
        widths = [min(sizes.width * 2**stage, sizes.most) for stage in range(len(self.strides))]
        maps = len(self.modalities) * sizes.sam.channels
        self.unet, self.decoder = build_unet(
            len(self.modalities) * IMAGE_CHANNELS, num_classes, self.strides, widths, maps
        )

    @classmethod
    def admit(cls, patch_size: Sequence[int]) -> list[int]:
        """Return the smallest (H, W) of at least that size that the network takes."""
        return admit_patch(super().admit(patch_size))

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse an input that cannot be halved as often as the U-Net halves it.

        Raises
        ------
        ValueError
            With the size.
        """
        super().check_size(size)
        steps = total_stride(self.strides)
        if any(side % step for side, step in zip(size, steps, strict=True)):
            raise ValueError(
                f"the input is {size[0]} x {size[1]}, and this U-Net takes multiples of {steps[0]} x {steps[1]}; "
                f"the next patch is {' x '.join(map(str, self.admit(size)))}"
            )

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        images = self.images(x)
        skips = self.unet(torch.cat(images, dim=1))
        seen = torch.cat(self.encoder(torch.cat(images)).chunk(2), dim=1)
        seen = F.interpolate(seen, skips[JOINED].shape[-2:], mode="bilinear", align_corners=True)
        skips[JOINED] = torch.cat((skips[JOINED], seen), dim=1)
        logits: Tensor = self.decoder(skips)
        return logits

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in MobileSAM's file."""
        part, _, rest = name.partition(".")
        return mobile_sam_name(rest) if part == "encoder" else None

    def original_names(self, name: str) -> list[str]:
        """Return MobileSAM's name, or nnU-Net's."""
        part, _, rest = name.partition(".")
        last = f"seg_layers.{len(self.strides) - 2}"
        of_unet = {"unet": f"encoder.{rest}", "decoder": "decoder." + rest.replace("seg_layers.0", last)}
        return [self.pretrained_name(name) or of_unet[part]]
