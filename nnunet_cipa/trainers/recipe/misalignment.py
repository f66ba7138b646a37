"""Augmentation for PET and CT that do not lie on each other: PET is shifted and turned a little in training.

Breathing and movement between the two scans do that. Source: Rokuss et al., From FDG to PSMA: A Hitchhiker's Guide to
Multitracer, Multicenter Lesion Segmentation in PET/CT Imaging, arXiv 2409.09478 (the winner of autoPET III), after
Kovacs et al., Scientific Reports 13, 2023. Ranges and probability are this package's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor


@dataclass(frozen=True)
class Misalignment:
    """How often and how far PET is moved against CT.

    Attributes
    ----------
    probability : float
        Of a sample to be moved, 0 to 1.
    shift_mm : float
        Largest shift along rows and along columns, each drawn uniformly to both sides.
    rotation_degrees : float
        Largest rotation in plane about the centre of the patch, drawn uniformly to both sides.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    probability: float = 0.2
    shift_mm: float = 5.0
    rotation_degrees: float = 2.0

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; it must be from 0 to 1")
        for name in ("shift_mm", "rotation_degrees"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}; it must be 0 or more")


class MisalignmentTransform(ImageOnlyTransform):
    """Shift and turn one channel of an image in plane; other channels and the segmentation stay as they are.

    All slices of a window move together.

    Parameters
    ----------
    misalignment : Misalignment
        The ranges.
    channel : int
        The channel that is moved.
    spacing : (float, float)
        Distance of rows and of columns in mm.
    """

    def __init__(self, misalignment: Misalignment, channel: int, spacing: Sequence[float]) -> None:
        super().__init__()
        self.misalignment = misalignment
        self.channel = channel
        self.spacing = spacing

    def get_parameters(self, **data_dict: Any) -> dict[str, Any]:
        """Draw a shift in mm and an angle in radians."""
        del data_dict
        rows, columns, turn = (2 * torch.rand(3, dtype=torch.float64) - 1).tolist()
        farthest = self.misalignment.shift_mm
        angle = math.radians(turn * self.misalignment.rotation_degrees)
        return {"shift": (rows * farthest, columns * farthest), "angle": angle}

    def _apply_to_image(self, img: Tensor, **params: Any) -> Tensor:
        moved = img.clone()
        moved[self.channel] = move_in_plane(img[self.channel], params["shift"], params["angle"], self.spacing)
        return moved


def move_in_plane(planes: Tensor, shift: tuple[float, float], angle: float, spacing: Sequence[float]) -> Tensor:
    """Turn planes about their centre, then shift them.

    Parameters
    ----------
    planes : Tensor
        (..., H, W).
    shift : (float, float)
        Along rows and columns, in mm.
    angle : float
        In radians, from the direction of rows to that of columns.
    spacing : (float, float)
        Distance of rows and of columns in mm.

    Returns
    -------
    Tensor
        Of the shape of ``planes``, bilinear; what comes from beyond the border is the value at the border.
    """
    sides = planes.shape[-2:]
    rows, columns = (
        (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * distance - by
        for side, distance, by in zip(sides, spacing, shift, strict=True)
    )
    cosine, sine = math.cos(angle), math.sin(angle)
    source = cosine * rows[:, None] + sine * columns, cosine * columns - sine * rows[:, None]
    # grid_sample counts from -1 to 1 between the outer edges of the plane, columns first.
    of_edge = [2 * place / (side * step) for place, side, step in zip(source, sides, spacing, strict=True)]
    grid = torch.stack(of_edge[::-1], dim=-1)[None].float()
    stacked = planes.reshape(1, -1, *sides).float()
    found = F.grid_sample(stacked, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found.reshape(planes.shape).to(planes.dtype)


class Misaligned(nnUNetTrainer):
    """A recipe in which PET is moved against CT, to put before a trainer of this package.

    ``misalignment`` says how far, and ``settings`` can change it. CT and labels stay where they are, and so does
    everything in validation and prediction. The shift is of the samples before any other augmentation, in plane only.
    """

    misalignment = Misalignment()

    def get_training_transforms(self, *arguments: Any, **more: Any) -> BasicTransform:
        """Move PET, then augment as without it."""
        configuration = self.configuration_manager
        channel = configuration.network_arch_init_kwargs["modalities"].index("PET")
        move = MisalignmentTransform(self.misalignment, channel, configuration.spacing[-2:])
        others = super().get_training_transforms(*arguments, **more)
        return ComposeTransforms([RandomTransform(move, apply_probability=self.misalignment.probability), others])
