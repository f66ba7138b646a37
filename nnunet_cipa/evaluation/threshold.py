"""The trivial predictor to beat: everything above one PET value is tumour."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.volumes import check_same_geometry, read_mask, read_volume
from nnunet_cipa.nnunet.cases import CaseFiles

# Sixteen for each step between the grey values of an 8-bit PET, so that rounding leaves none of them out of reach.
BINS = 16 * 255


@dataclass(frozen=True)
class PetThreshold:
    """Calls every voxel tumour whose PET value is at least ``value``.

    Attributes
    ----------
    value : float
        In the units of the PET image.
    dice : float
        Mean Dice on the cases it was fitted to.
    """

    value: float
    dice: float

    def predict(self, pet: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the mask of a PET image."""
        return pet >= self.value


def fit_pet_threshold(cases: Sequence[CaseFiles]) -> PetThreshold:
    """Find the PET value with the highest mean Dice, so that the comparison is with the best such predictor.

    Raises
    ------
    CIPAError
        If the cases hold no tumour at all, or an image cannot be read.
    """
    ranges = [(float(pet.min()), float(pet.max())) for pet in (read_volume(case.pet).array for case in cases)]
    # float32 as the images, so that fitting and predicting compare the same numbers
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    edges = np.linspace(low, high, BINS + 1, dtype=np.float32)
    scores = [score for case in cases if (score := _dice_by_threshold(case, edges)) is not None]
    if not scores:
        raise CIPAError(
            f"{cases[0].truth.parent}: no mask holds tumour, so no PET threshold can be fitted; convert again"
        )
    mean = np.mean(scores, axis=0)
    best = int(mean.argmax())
    return PetThreshold(float(edges[best]), float(mean[best]))


def _dice_by_threshold(case: CaseFiles, edges: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Dice of ``pet >= edge`` for each edge, from two histograms; None for a case without tumour."""
    pet, truth = read_volume(case.pet), read_mask(case.truth)
    check_same_geometry(truth, pet)
    tumour = np.count_nonzero(truth.array)
    if not tumour:
        return None
    predicted = _count_from(pet.array, edges)
    hits = _count_from(pet.array[truth.array], edges)
    dice: NDArray[np.float64] = 2 * hits / (predicted + tumour)
    return dice


def _count_from(values: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count the values that are at least each edge."""
    steps = np.searchsorted(edges, values.ravel(), side="right")
    return np.cumsum(np.bincount(steps, minlength=len(edges) + 1)[::-1])[::-1][1:]
