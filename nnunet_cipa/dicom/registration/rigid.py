"""Rigid transforms between frames of reference."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rigid:
    """A rotation and a shift: ``matrix`` (4, 4) takes a point (x, y, z, 1) in mm to where it is in the other frame."""

    matrix: Matrix

    def moved(self, image: sitk.Image) -> sitk.Image:
        """Return an image at its place in the other frame; its voxels stay as they are."""
        turn = self.matrix[:3, :3]
        placed = sitk.Image(image)
        placed.SetDirection((turn @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
        placed.SetOrigin((turn @ np.asarray(image.GetOrigin()) + self.matrix[:3, 3]).tolist())
        return placed

    @property
    def degrees(self) -> float:
        """How far it turns."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1, 1))))

    @property
    def shift_mm(self) -> tuple[float, float, float]:
        """Where it takes the origin."""
        x, y, z = self.matrix[:3, 3].tolist()
        return x, y, z
