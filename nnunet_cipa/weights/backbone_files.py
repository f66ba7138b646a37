"""ImageNet files of CIPA's other backbones: which backbone a file is for, and the names of Swin-T in it."""

import re
from collections.abc import Mapping
from typing import TypeVar

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.cipa.backbones.swin_names import microsoft_name

Value = TypeVar("Value")

_MARKS = {"layer1.0.conv1.weight": ("resnet50",), "layers.0.blocks.0.attn.qkv.weight": ("swin_t", "swin_t_shared")}
_OF_TORCHVISION = "features.1.0.attn.qkv.weight"
_OF_TIMM = "layers.3.downsample.norm.weight"
_NOT_NEEDED = re.compile(r"(fc|head|norm)\.|.*\.(relative_position_index|attn_mask|num_batches_tracked)$")


def backbones_for(state: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the backbones that a file of ``as_microsoft`` is for, that of the paper first; empty if it is of none."""
    return next((backbones for mark, backbones in _MARKS.items() if mark in state), ())


def as_microsoft(state: Mapping[str, Value]) -> dict[str, Value]:
    """Return a state dict with Microsoft's names, if it is of a Swin Transformer of torchvision or timm.

    timm counts the merging of patches with the stage after it, Microsoft with the stage before.
    """
    if _OF_TORCHVISION in state:
        return {microsoft_name(name) or name: value for name, value in state.items()}
    if _OF_TIMM in state:
        merging = r"^layers\.(\d)\.downsample\."
        return {re.sub(merging, lambda m: f"layers.{int(m[1]) - 1}.downsample.", n): v for n, v in state.items()}
    return dict(state)


def check_size(unused: list[str]) -> None:
    """Refuse what a file has beyond the backbone, its classifier and what follows from the window.

    Raises
    ------
    CIPAError
        With the first such tensor.
    """
    more = [name for name in unused if not _NOT_NEEDED.match(name)]
    if more:
        raise CIPAError(
            f"has {more[0]}, for which the backbone has no place; it is of a larger network: give the file of "
            "ResNet-50 or Swin-T"
        )
