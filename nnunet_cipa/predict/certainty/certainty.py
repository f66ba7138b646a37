"""Certainty of a prediction, for tables, pages and files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray


@dataclass(frozen=True)
class Member:
    """What one member predicts by itself: its volume, and its Dice with the mask, 1 if both are empty."""

    name: str
    volume_ml: float
    dice: float


@dataclass(frozen=True, eq=False)
class Certainty:
    """How far the members of a model agree on a patient.

    Attributes
    ----------
    members : tuple of Member
        In the order in which they predicted.
    expected_dice : float
        Mean Dice over all pairs of members, a pair of empty masks counting as 1. NaN with a single member.
    unsure_below : float
        Below which the patient is flagged.
    disputed_ml : float
        Volume of the voxels that some members have as tumour and others not.
    temperature : float
        That probabilities were scaled by.
    maps : dict
        Name -> percent (uint8), (z, y, x). ``members``: how many of the members have a voxel as tumour;
        ``probability``: the mean of their probabilities. With flips ``entropy``, of that mean, and
        ``mutual_information``, the part of it that their differences make, both in hundredths of a bit.
    note : str
        Why probabilities are not calibrated; empty if they are.
    """

    members: tuple[Member, ...]
    expected_dice: float
    unsure_below: float
    disputed_ml: float
    temperature: float
    maps: Mapping[str, NDArray[np.uint8]] = field(repr=False)
    note: str = ""

    @property
    def unsure(self) -> bool | None:
        """Whether the patient is flagged, as members differ more than they may; None with a single member."""
        return None if math.isnan(self.expected_dice) else self.expected_dice < self.unsure_below

    @property
    def volume_range_ml(self) -> tuple[float, float]:
        """Lowest and highest volume of a member: a spread and no confidence interval, as members share their cases."""
        volumes = [member.volume_ml for member in self.members]
        return min(volumes), max(volumes)

    @property
    def warning(self) -> str:
        """A sentence for the person who looks at the patient; empty if nothing is flagged."""
        if not self.unsure:
            return ""
        low, high = self.volume_range_ml
        return (
            f"Unsure: the model's {len(self.members)} members agree with an expected Dice of {self.expected_dice:.2f}, "
            f"below {self.unsure_below:g}; their volumes go from {low:.1f} to {high:.1f} ml."
        )

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says, of plain types; ``None`` where there is nothing to compare."""
        low, high = self.volume_range_ml
        return {
            "expected_dice_between_members": None if self.unsure is None else self.expected_dice,
            "unsure": self.unsure,
            "unsure_below": self.unsure_below,
            "lowest_ml": low,
            "highest_ml": high,
            "disputed_ml": self.disputed_ml,
            "temperature": self.temperature,
            "note": self.note,
            "members": [
                {"name": member.name, "volume_ml": member.volume_ml, "dice_with_mask": member.dice}
                for member in self.members
            ],
        }

    def images(self, grid: sitk.Image) -> dict[str, sitk.Image]:
        """Return the maps on the grid of an image, that of the CT, by name."""
        images = {}
        for name, values in self.maps.items():
            images[name] = sitk.GetImageFromArray(values)
            images[name].CopyInformation(grid)
        return images
