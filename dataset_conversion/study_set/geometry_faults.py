"""Faults in how a patient's volumes lie."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.image import corner_points, same_grid
from nnunet_cipa.dataset_conversion.study_set.study_set import IMAGES, Patient

LEAST_COVER = 0.9


def geometry_fault(patient: Patient, images: dict[str, sitk.Image], tumour: str, organs: tuple[str, ...]) -> str | None:
    """Return why the volumes of a patient do not lie as they must: masks on the CT's grid, the PET over CT and tumour.

    Parameters
    ----------
    patient
        For the places in the message.
    images
        CT, PET and masks by their names.
    tumour, organs
        Names of the masks.
    """
    ct, pet = (images[name] for name in IMAGES)
    for name in (tumour, *organs):
        if not same_grid(images[name], ct):
            grids = f"{_grid(images[name])} is not the grid of the CT, {_grid(ct)}"
            return f"{patient.where(name)}: {grids}; resample the mask to the CT by nearest neighbour"
    cover = pet_cover(ct, pet)
    where = patient.where("PET")
    if cover < LEAST_COVER:
        return (
            f"{where}: covers {cover:.0%} of the CT's field of view, and {LEAST_COVER:.0%} are needed; give a PET "
            "in the CT's frame, or crop the CT"
        )
    if not sitk.GetArrayViewFromImage(images[tumour]).any():
        return None
    low, high = _box(_tumour_box(images[tumour]))
    pet_low, pet_high = _box(pet)
    if (low < pet_low - 1e-3).any() or (high > pet_high + 1e-3).any():
        return f"{where}: does not cover all of the {tumour}; give a PET in the CT's frame that holds the tumour"
    return None


def pet_cover(ct: sitk.Image, pet: sitk.Image) -> float:
    """Return the part of the CT's field of view that lies in the PET's."""
    (ct_low, ct_high), (pet_low, pet_high) = _box(ct), _box(pet)
    common = np.clip(np.minimum(ct_high, pet_high) - np.maximum(ct_low, pet_low), 0, None)
    return float(np.prod(common / (ct_high - ct_low)))


def _tumour_box(mask: sitk.Image) -> sitk.Image:
    where = np.nonzero(sitk.GetArrayViewFromImage(mask))
    z, y, x = (slice(int(axis.min()), int(axis.max()) + 1) for axis in where)
    return mask[x, y, z]


def _box(image: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest coordinate in mm of the voxels' outer faces; the axes are those of the patient."""
    points = corner_points(image)
    half = np.asarray(image.GetSpacing()) / 2
    return points.min(axis=0) - half, points.max(axis=0) + half


def _grid(image: sitk.Image) -> str:
    size = " x ".join(str(n) for n in image.GetSize())
    spacing = " x ".join(f"{s:.4g}" for s in image.GetSpacing())
    origin = ", ".join(f"{o:.2f}" for o in image.GetOrigin())
    return f"{size} voxels of {spacing} mm from ({origin})"
