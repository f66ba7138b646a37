"""Agreement of a predicted tumour with the true one."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from nnunet_cipa.evaluation.volumes import Volume, check_same_geometry


@dataclass(frozen=True)
class Measures:
    """What one case scored.

    Attributes
    ----------
    dice : float
        Dice coefficient; NaN if both masks are empty.
    truth_ml, predicted_ml : float
        Volumes in ml.
    hd95_mm : float
        95 % Hausdorff distance in mm; NaN if a mask is empty.
    """

    dice: float
    truth_ml: float
    predicted_ml: float
    hd95_mm: float


def measure(truth: Volume, prediction: Volume) -> Measures:
    """Compare two masks of one case, as ``read_mask`` gives them.

    Raises
    ------
    CIPAError
        If they do not lie on one voxel grid.
    """
    check_same_geometry(truth, prediction)
    return Measures(
        dice=dice(truth.array, prediction.array),
        truth_ml=np.count_nonzero(truth.array) * truth.voxel_ml,
        predicted_ml=np.count_nonzero(prediction.array) * truth.voxel_ml,
        hd95_mm=hausdorff95(truth.array, prediction.array, truth.spacing),
    )


def dice(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of two masks, NaN if both are empty, as nnU-Net does."""
    total = np.count_nonzero(truth) + np.count_nonzero(prediction)
    return 2 * np.count_nonzero(truth & prediction) / total if total else math.nan


def hausdorff95(truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, ...]) -> float:
    """Return the 95 % Hausdorff distance of two masks in mm, NaN if one is empty.

    The distances from each border voxel of a mask to the nearest border voxel of the other; their 95th percentile; the
    larger of the two directions. A border voxel is one with a face neighbour outside the mask or outside the image.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        Masks of one shape.
    spacing : tuple of float
        Voxel size in mm, in the order of the axes.

    Notes
    -----
    Source: Huttenlocher et al., Comparing images using the Hausdorff distance, IEEE TPAMI 15 (1993), partial distances.
    """
    if not truth.any() or not prediction.any():
        return math.nan
    borders = [mask & ~binary_erosion(mask) for mask in (truth, prediction)]
    to_truth, to_prediction = (distance_transform_edt(~border, sampling=spacing) for border in borders)
    return float(max(np.percentile(to_prediction[borders[0]], 95), np.percentile(to_truth[borders[1]], 95)))
