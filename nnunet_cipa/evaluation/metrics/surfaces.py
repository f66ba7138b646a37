"""Distances between the surfaces of two masks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from nnunet_cipa.evaluation.metrics.box import box_around


@dataclass(frozen=True)
class SurfaceDistances:
    """How far the surfaces of two masks are apart, in the unit of the spacing.

    Where both masks are empty every measure is NaN. Where one is, the distances are the image's diagonal and nothing is
    within any tolerance.

    Attributes
    ----------
    from_truth, from_prediction : ndarray
        From each border voxel of one mask to the nearest border voxel of the other; the diagonal, once, where one mask
        is empty.
    one_empty : bool
        Whether exactly one mask is empty.
    """

    from_truth: NDArray[np.float64]
    from_prediction: NDArray[np.float64]
    one_empty: bool = False

    @property
    def hausdorff95(self) -> float:
        """The larger of the 95th percentiles of the two directions.

        Source: Huttenlocher et al., Comparing images using the Hausdorff distance, IEEE TPAMI 15 (1993), partial
        distances.
        """
        if not self.from_truth.size:
            return math.nan
        return float(max(np.percentile(self.from_truth, 95), np.percentile(self.from_prediction, 95)))

    @property
    def mean(self) -> float:
        """Mean over the border voxels of both masks taken together (average symmetric surface distance)."""
        return (
            float(np.concatenate((self.from_truth, self.from_prediction)).mean()) if self.from_truth.size else math.nan
        )

    def within(self, tolerance: float) -> float:
        """Return the part of both borders that is within ``tolerance`` of the other: normalised surface Dice.

        Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy, JMIR 23 (2021); here each
        border voxel counts as much as any other.
        """
        if self.one_empty:
            return 0.0
        if not self.from_truth.size:
            return math.nan
        return float((np.concatenate((self.from_truth, self.from_prediction)) <= tolerance).mean())


def surface_distances(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, ...], diagonal: float
) -> SurfaceDistances:
    """Measure the distances between the borders of two masks.

    A border voxel is one with a face neighbour outside the mask or outside the image.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        Masks of one shape, of any number of axes.
    spacing : tuple of float
        Voxel size, in the order of the axes.
    diagonal : float
        Of the image, see ``image_diagonal``.

    Notes
    -----
    The nearest border voxel is searched in a tree of the border voxels. That is exact, as a distance transform is, but
    its memory grows with the border rather than with the box around both masks, which one false voxel far away blows up
    to the size of the image.
    """
    there = truth.any(), prediction.any()
    if not any(there):
        return SurfaceDistances(np.empty(0), np.empty(0))
    if not all(there):
        return SurfaceDistances(np.array([diagonal]), np.array([diagonal]), one_empty=True)
    points = [_border(mask) * np.asarray(spacing) for mask in (truth, prediction)]
    trees = [KDTree(place) for place in points]
    return SurfaceDistances(trees[1].query(points[0])[0], trees[0].query(points[1])[0])


def _border(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the indices of the border voxels, (voxels, axes)."""
    place = box_around(mask)
    # no voxel of the mask lies beyond the box, so that its edge is border as the image's is
    inside = mask[place]
    return np.argwhere(inside & ~binary_erosion(inside)) + [part.start for part in place]


def image_diagonal(shape: tuple[int, ...], spacing: tuple[float, ...]) -> float:
    """Return the distance of two opposite corners of an image, in the unit of the spacing."""
    return math.hypot(*(count * size for count, size in zip(shape, spacing, strict=True)))


def hausdorff95(truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, ...]) -> float:
    """Return the 95 % Hausdorff distance of two masks: NaN if both are empty, the image's diagonal if one is.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        Masks of one shape.
    spacing : tuple of float
        Voxel size, in the order of the axes; the distance has its unit.
    """
    return surface_distances(truth, prediction, spacing, image_diagonal(truth.shape, spacing)).hausdorff95
