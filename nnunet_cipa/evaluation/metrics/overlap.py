"""Agreement of two masks by counts of voxels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Overlap:
    """Voxels of a truth and a prediction, counted.

    Where both masks are empty nothing is defined and every ratio of them is NaN. Where one is, the ratios are 0.

    Attributes
    ----------
    both, truth, prediction, image : int
        Voxels in both masks, in the truth, in the prediction, in the image.
    """

    both: int
    truth: int
    prediction: int
    image: int

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(
            self.both + other.both, self.truth + other.truth, self.prediction + other.prediction,
            self.image + other.image,
        )  # fmt: skip

    @property
    def dice(self) -> float:
        """Dice coefficient, which is the F1 score of the voxels."""
        return self._ratio(2 * self.both, self.truth + self.prediction)

    @property
    def iou(self) -> float:
        """Intersection over union, the Jaccard index."""
        return self._ratio(self.both, self.truth + self.prediction - self.both)

    @property
    def sensitivity(self) -> float:
        """Part of the truth that was found."""
        return self._ratio(self.both, self.truth)

    @property
    def precision(self) -> float:
        """Part of the prediction that is true."""
        return self._ratio(self.both, self.prediction)

    @property
    def specificity(self) -> float:
        """Part of the voxels outside the truth that are outside the prediction; NaN if the truth fills the image."""
        outside = self.image - self.truth
        return 1 - (self.prediction - self.both) / outside if outside else math.nan

    def _ratio(self, part: int, whole: int) -> float:
        if not self.truth and not self.prediction:
            return math.nan
        return part / whole if whole else 0.0


def count_overlap(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> Overlap:
    """Count the voxels of two masks of one shape."""
    return Overlap(
        int(np.count_nonzero(truth & prediction)), int(np.count_nonzero(truth)), int(np.count_nonzero(prediction)),
        truth.size,
    )  # fmt: skip


def dice(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of two masks, NaN if both are empty, as nnU-Net does."""
    return count_overlap(truth, prediction).dice
