"""The surroundings of tumours, where probabilities decide something."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from nnunet_cipa.evaluation.metrics.box import box_around

MARGIN_MM = 10.0


def near_tumour(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
    """Return a box, and where in it the voxels are that lie within ``MARGIN_MM`` of true or predicted tumour.

    Parameters
    ----------
    truth, prediction : ndarray of bool
        (z, y, x).
    spacing : tuple of float
        Voxel size in mm, (z, y, x).
    """
    union = truth | prediction
    place = tuple(
        slice(max(0, part.start - math.ceil(MARGIN_MM / side)), part.stop + math.ceil(MARGIN_MM / side))
        for part, side in zip(box_around(union), spacing, strict=True)
    )
    inside = union[place]
    if not inside.any():
        return place, inside
    return place, distance_transform_edt(~inside, sampling=spacing) <= MARGIN_MM
