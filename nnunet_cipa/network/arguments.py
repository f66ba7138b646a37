"""Checks of the arguments that all networks of slices have."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
MODALITIES = ("CT", "PET")
IMAGE_CHANNELS = 3  # of the encoders, which were made for photographs


def check_network_channels(
    network: str, input_channels: int, num_classes: int, deep_supervision: bool, modalities: Sequence[str]
) -> None:
    """Refuse other inputs than one CT and one PET channel, and other outputs than one map of classes.

    Raises
    ------
    ValueError
        With the argument's name and value.
    """
    if input_channels != len(MODALITIES):
        raise ValueError(f"{network} reads CT and PET, so input_channels is {len(MODALITIES)}, not {input_channels}")
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; it has to be at least 1")
    if deep_supervision:
        raise ValueError(f"{network} has one output and no deep supervision; use a trainer of nnunet_cipa")
    if sorted(modalities) != sorted(MODALITIES):
        raise ValueError(f"modalities {tuple(modalities)} must be CT and PET, in the order of the input's channels")


def choose(argument: str, name: str, table: Mapping[str, T]) -> T:
    """Return what a table has under a name.

    Raises
    ------
    ValueError
        If there is none; the message has the argument's name and those of the table.
    """
    if name not in table:
        raise ValueError(f"{argument} is {name!r}; choose one of {', '.join(table)}")
    return table[name]


def check_slices(slices: int, admitted: Sequence[int]) -> int:
    """Return the number of slices.

    Raises
    ------
    ValueError
        If the network reads no such number.
    """
    if slices not in admitted:
        raise ValueError(f"slices is {slices}; choose one of {', '.join(map(str, admitted))}")
    return slices


def check_spacing(spacing_z: float) -> float:
    """Return the distance of neighbouring slices in mm.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """
    if not 0 < spacing_z < float("inf"):
        raise ValueError(f"spacing_z is {spacing_z}; it has to be a distance in mm")
    return spacing_z


def check_patch_size(patch_size: Sequence[int], stride: int) -> tuple[int, int]:
    """Return (H, W) as integers.

    Raises
    ------
    ValueError
        If they are not two positive multiples of the network's stride.
    """
    if len(patch_size) != 2 or any(side < stride or side % stride for side in patch_size):
        raise ValueError(f"patch_size {tuple(patch_size)} must be (H, W), each a positive multiple of {stride}")
    return int(patch_size[0]), int(patch_size[1])
