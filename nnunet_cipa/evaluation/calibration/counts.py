"""Voxels counted by their log-odds: all that calibration needs of an image, whatever its size."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 20.0
_STEP = 0.02
# Log-odds of the bins; what is beyond the ends counts there. A voxel is off by 0.0025 in probability at most.
LOG_ODDS = np.linspace(-LIMIT, LIMIT, round(2 * LIMIT / _STEP) + 1)


@dataclass(frozen=True, eq=False)
class Counts:
    """Numbers of voxels, and of those of tumour, by ``LOG_ODDS`` of the tumour's probability."""

    voxels: NDArray[np.int64]
    tumour: NDArray[np.int64]

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.voxels + other.voxels, self.tumour + other.tumour)


def add_counts(found: Iterable[Counts]) -> Counts:
    """Return the sum of counts; zeros if there are none."""
    return sum(found, Counts(np.zeros(len(LOG_ODDS), np.int64), np.zeros(len(LOG_ODDS), np.int64)))


def count_voxels(background: NDArray[np.floating], tumour: NDArray[np.floating], truth: NDArray[np.bool_]) -> Counts:
    """Count the voxels of an image.

    Parameters
    ----------
    background, tumour : ndarray
        Probabilities that sum to 1. Both are taken, as 1 - p has no digits left where p is near 1.
    truth : ndarray of bool
        True tumour.
    """
    with np.errstate(divide="ignore"):
        odds = np.log(tumour.ravel()) - np.log(background.ravel())
    index = np.rint((np.clip(odds, -LIMIT, LIMIT) + LIMIT) / _STEP).astype(np.intp)
    size = len(LOG_ODDS)
    return Counts(np.bincount(index, minlength=size), np.bincount(index[truth.ravel()], minlength=size))
