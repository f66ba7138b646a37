"""Parts of a patient that the PET covers: of the CT's field of view, of the body, and of the tumour."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.body import LEAST_BODY_ML, find_body
from nnunet_cipa.dataset_conversion.study_set.crop import Crop
from nnunet_cipa.dataset_conversion.study_set.image import corner_points

# Of a voxel, for what lies on its face but for rounding.
_ROUNDING = 1e-3
# Less than these parts is told.
_USUAL_FIELD, _USUAL_BODY = 0.9, 0.99


@dataclass(frozen=True)
class PetCover:
    """Parts that lie in the PET's field of view, 0 to 1.

    Attributes
    ----------
    field
        Of the CT's field of view.
    body
        Of the body, after the crop if there is one; None if all of the CT is covered, or no body was found.
    """

    field: float
    body: float | None

    def fault(self, least: float) -> str | None:
        """Return why a PET covers too little; where there is no body, the CT's field of view counts."""
        found, what = (self.field, "the CT's field of view") if self.body is None else (self.body, "the body on the CT")
        if found >= least:
            return None
        return (
            f"covers {found:.0%} of {what}, and {least:.0%} are needed; give a PET in the CT's frame that does, or "
            "take this one with --least-pet-cover"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: how much is covered, if that is not nearly all."""
        if self.field >= _USUAL_FIELD and (self.body is None or self.body >= _USUAL_BODY):
            return ()
        body = "" if self.body is None else f" and {self.body:.0%} of the body"
        return (f"covers {self.field:.0%} of the CT's field of view{body}; elsewhere SUV is 0",)


def measure_cover(ct: sitk.Image, pet: sitk.Image, crop: Crop | None = None) -> PetCover:
    """Measure it.

    Parameters
    ----------
    ct
        HU; with a crop, in the orientation that is written.
    pet
        In any direction.
    crop
        What of the CT counts.
    """
    field = pet_cover(ct, pet)
    ends = np.array(list(product(*((0, size - 1) for size in ct.GetSize()))))
    if _inside(ends, ct, pet).all():
        return PetCover(field, None)
    x, y, z = ct.GetSpacing()
    body = find_body(sitk.GetArrayViewFromImage(ct), (z, y, x))
    if body.millilitres < LEAST_BODY_ML:
        return PetCover(field, None)
    rows, columns = body.steps
    index = np.argwhere(body.mask)[:, ::-1] * (columns, rows, 1)
    if crop is not None:
        index = index[((index >= crop.offset) & (index < np.add(crop.offset, crop.size))).all(axis=1)]
    return PetCover(field, float(_inside(index, ct, pet).mean()))


def covers_all(mask: sitk.Image, pet: sitk.Image) -> bool:
    """Return whether the centres of all voxels of a mask lie in the PET's field of view."""
    index = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    return bool(_inside(index, mask, pet).all())


def pet_cover(ct: sitk.Image, pet: sitk.Image) -> float:
    """Return the part of the CT's field of view that lies in the PET's, both as boxes along the patient's axes."""
    (ct_low, ct_high), (pet_low, pet_high) = _box(ct), _box(pet)
    common = np.clip(np.minimum(ct_high, pet_high) - np.maximum(ct_low, pet_low), 0, None)
    return float(np.prod(common / (ct_high - ct_low)))


def index_in_pet(index: NDArray[np.int64], image: sitk.Image, pet: sitk.Image) -> NDArray[np.float64]:
    """Return at which index of a PET, not rounded, the voxels of an image have their centre, by their own (x, y, z)."""
    steps, pet_steps = (np.reshape(one.GetDirection(), (3, 3)) * one.GetSpacing() for one in (image, pet))
    turn = np.linalg.solve(pet_steps, steps)
    shift = np.linalg.solve(pet_steps, np.subtract(image.GetOrigin(), pet.GetOrigin()))
    there: NDArray[np.float64] = index @ turn.T + shift
    return there


def _inside(index: NDArray[np.int64], image: sitk.Image, pet: sitk.Image) -> NDArray[np.bool_]:
    """Return which voxels of an image, by their index (x, y, z), have their centre in the PET."""
    there, last = index_in_pet(index, image, pet), np.array(pet.GetSize()) - 0.5
    within: NDArray[np.bool_] = (there >= -0.5 - _ROUNDING) & (there <= last + _ROUNDING)
    inside: NDArray[np.bool_] = np.logical_and.reduce(within, axis=1)
    return inside


def _box(image: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest coordinate in mm of the voxels' outer faces; the axes are those of the patient."""
    points = corner_points(image)
    half = np.asarray(image.GetSpacing()) / 2
    return points.min(axis=0) - half, points.max(axis=0) + half
