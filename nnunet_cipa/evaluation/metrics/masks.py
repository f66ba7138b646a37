"""A true and a predicted mask of one case, and what metrics are computed from, once for all of them."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.evaluation.metrics.box import box_around
from nnunet_cipa.evaluation.metrics.lesions import Lesions, match_lesions
from nnunet_cipa.evaluation.metrics.overlap import Overlap, count_overlap
from nnunet_cipa.evaluation.metrics.positions import dice_by_position
from nnunet_cipa.evaluation.metrics.surfaces import SurfaceDistances, image_diagonal, surface_distances
from nnunet_cipa.files.volumes import Volume, check_same_geometry


@dataclass(frozen=True)
class MaskPair:
    """Two masks of one case, cut to the box around both: nothing outside changes any metric.

    Attributes
    ----------
    truth, prediction : ndarray of bool
        (z, y, x).
    spacing : tuple of float
        Voxel size in mm, (z, y, x).
    diagonal : float
        Of the image before it was cut, in mm.
    tolerance_mm : float
        Of the normalised surface Dice.
    """

    truth: NDArray[np.bool_]
    prediction: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    diagonal: float
    tolerance_mm: float

    @classmethod
    def of(cls, truth: Volume, prediction: Volume, tolerance_mm: float) -> "MaskPair":
        """Return the pair of two masks as ``read_mask`` gives them.

        Raises
        ------
        CIPAError
            If they do not lie on one voxel grid.
        """
        check_same_geometry(truth, prediction)
        place = box_around(truth.array, prediction.array)
        diagonal = image_diagonal(truth.array.shape, truth.spacing)
        return cls(truth.array[place], prediction.array[place], truth.spacing, diagonal, tolerance_mm)

    @cached_property
    def overlap(self) -> Overlap:
        """Voxels; those of the image are those of the box."""
        return count_overlap(self.truth, self.prediction)

    @cached_property
    def surfaces(self) -> SurfaceDistances:
        """Distances of the borders in mm."""
        return surface_distances(self.truth, self.prediction, self.spacing, self.diagonal)

    @cached_property
    def lesions(self) -> Lesions:
        """Lesions, matched."""
        return match_lesions(self.truth, self.prediction)

    @cached_property
    def dice_by_position(self) -> tuple[float, float]:
        """Dice where a lesion starts or ends, and between."""
        return dice_by_position(self.truth, self.prediction)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml."""
        return float(np.prod(self.spacing)) / 1000

    @property
    def truth_ml(self) -> float:
        """True volume in ml."""
        return self.overlap.truth * self.voxel_ml

    @property
    def predicted_ml(self) -> float:
        """Predicted volume in ml."""
        return self.overlap.prediction * self.voxel_ml

    @property
    def excess_ml(self) -> float:
        """Volume of the prediction outside the truth in ml."""
        return (self.overlap.prediction - self.overlap.both) * self.voxel_ml

    @property
    def volume_error(self) -> int:
        """Predicted less true voxels."""
        return self.overlap.prediction - self.overlap.truth

    @property
    def relative_volume_error(self) -> float:
        """The same over the true voxels; NaN if there are none."""
        return self.volume_error / self.overlap.truth if self.overlap.truth else math.nan

    @property
    def centroid_distance(self) -> float:
        """Distance of the centroids in mm; the image's diagonal if one mask is empty, NaN if both are."""
        there = self.truth.any(), self.prediction.any()
        if not all(there):
            return self.diagonal if any(there) else math.nan
        centres = [_centroid(mask) for mask in (self.truth, self.prediction)]
        return math.dist(*(centre * np.asarray(self.spacing) for centre in centres))


def _centroid(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean index of the voxels, from the sums along each axis, which need no array of coordinates."""
    centre = []
    for axis in range(mask.ndim):
        counts = mask.sum(axis=tuple(other for other in range(mask.ndim) if other != axis))
        centre.append(float(np.arange(len(counts)) @ counts / counts.sum()))
    return np.array(centre)
