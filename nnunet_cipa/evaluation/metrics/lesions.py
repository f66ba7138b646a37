"""Agreement by lesion; a lesion is an 18-connected component of a mask, as in the autoPET challenge."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from nnunet_cipa.evaluation.metrics.box import box_around

NEIGHBOURHOOD = generate_binary_structure(3, 2)


@dataclass(frozen=True)
class Lesions:
    """Lesions of a truth and a prediction that overlap, and those that do not; one common voxel is overlap.

    Attributes
    ----------
    true, found : int
        True lesions, and those of them that the prediction touches.
    false : int
        Predicted lesions that do not touch the truth.
    false_voxels, missed_voxels : int
        Size of those predicted lesions, and of the true lesions that were not found.
    """

    true: int
    found: int
    false: int
    false_voxels: int
    missed_voxels: int

    @property
    def f1(self) -> float:
        """F1 score of detection, found lesions being the true positives; NaN if there is no lesion in either mask."""
        lesions = self.found + self.true + self.false
        return 2 * self.found / lesions if lesions else math.nan


def match_lesions(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> Lesions:
    """Find the lesions of two masks (z, y, x) and match them by overlap.

    Notes
    -----
    Source of the volumes of what does not overlap: Gatidis et al., Nature Machine Intelligence 6 (2024), the autoPET
    challenge.
    """
    true, found, missed_voxels = _overlapping(truth, prediction)
    predicted, touching, false_voxels = _overlapping(prediction, truth)
    return Lesions(true, found, predicted - touching, false_voxels, missed_voxels)


def _overlapping(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Count the components of ``mask``, those that overlap ``other``, and the voxels of those that do not."""
    place = box_around(mask)
    mask, other = mask[place], other[place]
    components, count = label(mask, NEIGHBOURHOOD)
    sizes = np.bincount(components[mask], minlength=count + 1)
    touched = np.zeros(count + 1, dtype=bool)
    touched[components[mask & other]] = True
    return count, int(touched.sum()), int(sizes[~touched].sum())
