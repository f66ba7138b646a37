"""The measures of one case."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.box import box_around
from nnunet_cipa.evaluation.lesions import match_lesions
from nnunet_cipa.evaluation.overlap import count_overlap
from nnunet_cipa.evaluation.positions import dice_by_position
from nnunet_cipa.evaluation.settings import TOLERANCE_MM
from nnunet_cipa.evaluation.surfaces import image_diagonal, surface_distances
from nnunet_cipa.evaluation.volumes import Volume, check_same_geometry


@dataclass(frozen=True)
class Measures:
    """What one case scored; what is not defined is NaN.

    One rule holds for empty masks. If both are empty, overlaps and distances are not defined. If one is, every overlap
    is 0 and every distance is the image's diagonal.

    Attributes
    ----------
    dice, iou, sensitivity, precision : float
        Overlap of the voxels. The sensitivity is the coverage of the truth.
    hd95_mm, surface_mm : float
        95 % Hausdorff distance and average symmetric surface distance in mm.
    nsd : float
        Normalised surface Dice at a tolerance.
    centroid_mm : float
        Distance of the centroids in mm.
    truth_ml, predicted_ml, volume_error_ml : float
        Volumes in ml; predicted less true.
    relative_volume_error : float
        ``volume_error_ml`` over ``truth_ml``; NaN if the truth is empty.
    excess_ml : float
        Volume of the prediction outside the truth in ml.
    lesion_f1 : float
        F1 score of the detection of lesions.
    true_lesions, found_lesions, false_lesions : int
        See ``Lesions``.
    false_positive_ml, false_negative_ml : float
        Volume of predicted lesions without overlap, and of true ones, as autoPET has them.
    dice_ends, dice_between : float
        Dice over the slices in which a lesion starts or ends, and over those between; NaN where there are none.
    """

    dice: float
    iou: float
    sensitivity: float
    precision: float
    hd95_mm: float
    surface_mm: float
    nsd: float
    centroid_mm: float
    truth_ml: float
    predicted_ml: float
    volume_error_ml: float
    relative_volume_error: float
    excess_ml: float
    lesion_f1: float
    true_lesions: int
    found_lesions: int
    false_lesions: int
    false_positive_ml: float
    false_negative_ml: float
    dice_ends: float
    dice_between: float


def measure(truth: Volume, prediction: Volume, tolerance_mm: float = TOLERANCE_MM) -> Measures:
    """Compare two masks of one case, as ``read_mask`` gives them.

    Parameters
    ----------
    truth, prediction : Volume
        Masks (z, y, x).
    tolerance_mm : float
        Of the normalised surface Dice.

    Raises
    ------
    CIPAError
        If they do not lie on one voxel grid, or the tolerance is not a positive number.
    """
    check_same_geometry(truth, prediction)
    check_tolerance(tolerance_mm)
    # nothing outside the box around both masks changes any measure, and most images are much larger
    place = box_around(truth.array, prediction.array)
    masks = truth.array[place], prediction.array[place]
    diagonal = image_diagonal(truth.array.shape, truth.spacing)
    overlap, lesions = count_overlap(*masks), match_lesions(*masks)
    surfaces = surface_distances(*masks, truth.spacing, diagonal)
    ends, between = dice_by_position(*masks)
    ml = truth.voxel_ml
    error = overlap.prediction - overlap.truth
    return Measures(
        dice=overlap.dice,
        iou=overlap.iou,
        sensitivity=overlap.sensitivity,
        precision=overlap.precision,
        hd95_mm=surfaces.hausdorff95,
        surface_mm=surfaces.mean,
        nsd=surfaces.within(tolerance_mm),
        centroid_mm=_centroid_distance(*masks, truth.spacing, diagonal),
        truth_ml=overlap.truth * ml,
        predicted_ml=overlap.prediction * ml,
        volume_error_ml=error * ml,
        relative_volume_error=error / overlap.truth if overlap.truth else math.nan,
        excess_ml=(overlap.prediction - overlap.both) * ml,
        lesion_f1=lesions.f1,
        true_lesions=lesions.true,
        found_lesions=lesions.found,
        false_lesions=lesions.false,
        false_positive_ml=lesions.false_voxels * ml,
        false_negative_ml=lesions.missed_voxels * ml,
        dice_ends=ends,
        dice_between=between,
    )


def check_tolerance(tolerance_mm: float) -> None:
    """Refuse a tolerance of the normalised surface Dice that cannot be.

    Raises
    ------
    CIPAError
        If it is not finite or not above 0.
    """
    if not (math.isfinite(tolerance_mm) and tolerance_mm > 0):
        raise CIPAError(f"tolerance {tolerance_mm:g} mm: give a positive number of mm for the normalised surface Dice")


def _centroid_distance(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, ...], diagonal: float
) -> float:
    there = truth.any(), prediction.any()
    if not all(there):
        return diagonal if any(there) else math.nan
    centres = [_centroid(mask) for mask in (truth, prediction)]
    return math.dist(*(centre * np.asarray(spacing) for centre in centres))


def _centroid(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean index of the voxels, from the sums along each axis, which need no array of coordinates."""
    centre = []
    for axis in range(mask.ndim):
        counts = mask.sum(axis=tuple(other for other in range(mask.ndim) if other != axis))
        centre.append(float(np.arange(len(counts)) @ counts / counts.sum()))
    return np.array(centre)
