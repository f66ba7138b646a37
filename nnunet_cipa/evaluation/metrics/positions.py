"""Agreement by the place of a slice in its lesion."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from nnunet_cipa.evaluation.metrics.box import box_around
from nnunet_cipa.evaluation.metrics.lesions import NEIGHBOURHOOD
from nnunet_cipa.evaluation.metrics.overlap import dice


def lesion_ends(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each slice (first axis) whether a lesion starts or ends in it; lesions are 18-connected components."""
    box = box_around(truth)
    lesions, _ = label(truth[box], NEIGHBOURHOOD)
    ends = np.zeros(len(truth), dtype=bool)
    for place in find_objects(lesions):
        ends[[box[0].start + place[0].start, box[0].start + place[0].stop - 1]] = True
    return ends


def dice_by_position(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the Dice over the slices in which a lesion starts or ends, and over the other slices with lesions.

    The first and last slices of a lesion are where partial volume and breathing blur it, and where a window of
    neighbouring slices reaches beyond it. NaN where there is no such slice.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        (z, y, x).
    """
    ends = lesion_ends(truth)
    inner = truth.any(axis=(1, 2)) & ~ends
    return dice(truth[ends], prediction[ends]), dice(truth[inner], prediction[inner])
