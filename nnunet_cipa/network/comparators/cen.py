"""CEN: RefineNet for both modalities, whose channels of little weight give way to the other modality's.

Source: Wang et al., Deep Multimodal Fusion by Channel Exchanging, NeurIPS 2020, arXiv 2011.05005. Decoder: Lin et al.,
RefineNet, CVPR 2017, arXiv 1611.06612.
"""

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import timm
import torch
from timm.models.resnet import Bottleneck
from torch import Tensor, nn

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.comparator import Pattern, rename
from nnunet_cipa.network.comparators.ensemble import (
    EnsembleOfModalities,
    OfEachModality,
    separate_norms,
    swap_modalities,
)
from nnunet_cipa.network.layers.basic import BatchNorm
from nnunet_cipa.network.layers.refinenet import RefineNetDecoder

THRESHOLD = 0.02  # scales below it are exchanged
PENALTY_WEIGHT = 3 * 2e-4  # the original adds it to the loss of each of its three outputs


@dataclass(frozen=True)
class CENSizes:
    """Depths and widths of one size of the network.

    Parameters
    ----------
    depths : tuple of int
        Bottlenecks in each of the four stages of the ResNet.
    base_width : int
        Inner width of the first stage's bottlenecks.
    decoder_width : int
        Channels of the decoder, of which its coarsest level has twice as many.
    """

    depths: tuple[int, int, int, int]
    base_width: int = 64
    decoder_width: int = 256


VARIANTS = {
    "resnet50": CENSizes((3, 4, 6, 3)),
    "resnet101": CENSizes((3, 4, 23, 3)),
    "resnet152": CENSizes((3, 8, 36, 3)),
    "nano": CENSizes((1, 1, 1, 1), base_width=8, decoder_width=16),
}


class ExchangingNorm(OfEachModality):
    """Batch normalisation of each modality; channels with a small scale become the other modality's."""

    def scales(self) -> Tensor:
        """Return the absolute scales, (2, C), CT's and PET's."""
        return torch.stack([norm.weight.abs() for norm in self.values() if isinstance(norm.weight, Tensor)])

    def forward(self, pair: Tensor) -> Tensor:
        """Map (2B, C, H, W) to the same shape."""
        normalised = super().forward(pair)
        is_small = (self.scales() < THRESHOLD).repeat_interleave(len(pair) // 2, dim=0)
        return torch.where(is_small[:, :, None, None], swap_modalities(normalised), normalised)

    def penalty(self) -> Tensor:
        """Return the sum of the scales of CT's first half of the channels, and of PET's second."""
        ct, pet = self.scales()
        half = len(ct) // 2
        return ct[:half].sum() + pet[half:].sum()


def make_encoder(sizes: CENSizes) -> nn.Module:
    """Make timm's ResNet, with norms of each modality, that maps (2B, 3, H, W) to features at strides 4 to 32."""
    encoder = timm.create_model(
        "resnet101",
        features_only=True,
        out_indices=(1, 2, 3, 4),
        layers=sizes.depths,
        base_width=sizes.base_width,
        norm_layer=BatchNorm,
        zero_init_last=False,
    )
    for block in encoder.modules():
        if isinstance(block, Bottleneck):
            block.bn2 = ExchangingNorm(partial(deepcopy, block.bn2))
    separate_norms(encoder, eps=1e-5)
    return encoder


class CEN(EnsembleOfModalities):
    """CEN on slices of CT and PET.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "resnet101", as in the CVPR paper's table, "resnet50", "resnet152" or "nano".

    Raises
    ------
    ValueError
        If there is no such variant.
    """

    decoder: RefineNetDecoder

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "resnet101",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, VARIANTS)
        self.encoder = make_encoder(sizes)
        self.decoder = RefineNetDecoder((256, 512, 1024, 2048), sizes.decoder_width, num_classes)

    def penalty(self) -> Tensor:
        """Return the weighted sum of scales, half of each norm's channels, which pulls them below the threshold."""
        norms = [module for module in self.encoder.modules() if isinstance(module, ExchangingNorm)]
        return PENALTY_WEIGHT * torch.stack([norm.penalty() for norm in norms]).sum()

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in torchvision's file of the ResNet, whose norms are those of both modalities."""
        if not name.startswith("encoder.") or name.endswith("num_batches_tracked"):  # which the file does not count
            return None
        return re.sub(r"\.(CT|PET)\.", ".", name.removeprefix("encoder."))

    def original_names(self, name: str) -> list[str]:
        """Return the name in the authors' repository."""
        return [rename(name, _NAMES)]


def _count_from_one(template: str) -> Callable[[re.Match[str]], str]:
    return lambda match: template.format(*(int(digit) + 1 for digit in match.groups()))


_LEVEL = r"^decoder\.levels\.(\d)\."
_NAMES: list[Pattern] = [
    (r"^ensemble\.alpha", "alpha"),
    (r"^encoder\.(.*)\.CT\.", r"\1.bn_0."),
    (r"^encoder\.(.*)\.PET\.", r"\1.bn_1."),
    (r"^encoder\.(.*)\.weight$", r"\1.module.weight"),
    (_LEVEL + r"project", _count_from_one("p_ims1d2_outl{}_dimred.module")),
    (_LEVEL + r"adapt\.first\.(\d)", _count_from_one("adapt_stage{}_b.0.{}_conv.module")),
    (_LEVEL + r"adapt\.second\.(\d)", _count_from_one("adapt_stage{}_b.0.{}_conv_relu_varout_dimred.module")),
    (_LEVEL + r"join", _count_from_one("adapt_stage{}_b2_joint_varout_dimred.module")),
    (_LEVEL + r"pool\.convs\.(\d)", _count_from_one("mflow_conv_g{}_pool.0.{}_outvar_dimred.module")),
    (_LEVEL + r"refine\.first\.(\d)", _count_from_one("mflow_conv_g{}_b.0.{}_conv.module")),
    (_LEVEL + r"refine\.second\.(\d)", _count_from_one("mflow_conv_g{}_b.0.{}_conv_relu_varout_dimred.module")),
    (_LEVEL + r"out", _count_from_one("mflow_conv_g{}_b3_joint_varout_dimred.module")),
    (r"^decoder\.head", "clf_conv.module"),
]
