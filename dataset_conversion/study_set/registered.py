"""A check that a PET which was moved by a registration lies on the CT: the outlines of the body overlap."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cipa.dataset_conversion.study_set.study_set import Facts

REGISTRATION = "registration"
# Tissue against air on a CT, and activity of the blood against none in SUV; lungs are filled in both.
BODY_HU, BODY_SUV = -300.0, 0.15
LEAST_OVERLAP = 0.7


def registration_fault(ct: sitk.Image, pet: sitk.Image, facts: Facts) -> str | None:
    """Return why a PET that was moved (which its ``facts`` tell) cannot be where it is, or None.

    Both outlines are compared, by Dice, on the voxels of the PET that are in the CT's field of view.
    """
    if REGISTRATION not in facts:
        return None
    hu = sitk.Resample(ct, pet, sitk.Transform(), sitk.sitkLinear, float("nan"), sitk.sitkFloat32)
    on_pet = sitk.GetArrayViewFromImage(hu)
    seen = np.isfinite(on_pet)
    body = _outline(np.nan_to_num(on_pet, nan=-1000) > BODY_HU) & seen
    active = _outline(sitk.GetArrayViewFromImage(pet) > BODY_SUV) & seen
    both = np.count_nonzero(body) + np.count_nonzero(active)
    overlap = 2 * np.count_nonzero(body & active) / max(1, both)
    if overlap >= LEAST_OVERLAP:
        return None
    return (
        f"where the REG puts it, the body's outline on PET and CT overlap by a Dice of {overlap:.2f}, and "
        f"{LEAST_OVERLAP} is the least; give the REG of these two series, or a PET that was registered to the CT"
    )


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest part of a mask, opened by a voxel, its slices filled."""
    opened = ndimage.binary_opening(inside, np.ones((1, 3, 3), dtype=bool))
    parts, count = ndimage.label(opened)
    if count == 0:
        return opened
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return np.stack([ndimage.binary_fill_holes(one) for one in largest])
