"""The measures of the CIPA paper: pixels pooled over all slices, and distances in pixels by slice."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.evaluation.metrics.box import box_around
from nnunet_cipa.evaluation.metrics.overlap import Overlap, count_overlap
from nnunet_cipa.evaluation.metrics.surfaces import image_diagonal, surface_distances


@dataclass(frozen=True)
class SliceMeasures:
    """Pixels and distances, summed over slices; add those of cases for those of a test set.

    Attributes
    ----------
    overlap : Overlap
        Pixels.
    slices : int
        Their number.
    hd95_sum : float
        Sum over the slices of the 95 % Hausdorff distance in pixels.

    Notes
    -----
    Source: Cross-Modal Interactive Perception Network with Mamba (CVPR 2025), as its released code computes its tables.
    A slice with tumour counts by its area, so large tumours weigh more than small ones, and a slice without tumour in
    either mask has the distance 0.
    """

    overlap: Overlap
    slices: int
    hd95_sum: float

    def __add__(self, other: "SliceMeasures") -> "SliceMeasures":
        return SliceMeasures(
            self.overlap + other.overlap, self.slices + other.slices, self.hd95_sum + other.hd95_sum
        )  # fmt: skip

    @property
    def iou(self) -> float:
        """IoU of all pixels."""
        return self.overlap.iou

    @property
    def f1(self) -> float:
        """F1 score of all pixels."""
        return self.overlap.dice

    @property
    def acc(self) -> float:
        """What the paper calls Acc: the mean of sensitivity and specificity of all pixels."""
        return (self.overlap.sensitivity + self.overlap.specificity) / 2

    @property
    def hd95_px(self) -> float:
        """Mean over the slices of the 95 % Hausdorff distance in pixels."""
        return self.hd95_sum / self.slices if self.slices else math.nan


def measure_slices(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> SliceMeasures:
    """Measure two masks (z, y, x) slice by slice; a slice where one is empty has its diagonal as distance."""
    diagonal = image_diagonal(truth.shape[1:], (1.0, 1.0))
    place = box_around(truth, prediction)
    pairs = zip(truth[place], prediction[place], strict=True)
    distances = (surface_distances(*pair, (1.0, 1.0), diagonal).hausdorff95 for pair in pairs)
    return SliceMeasures(
        count_overlap(truth, prediction), len(truth), math.fsum(value for value in distances if not math.isnan(value))
    )
