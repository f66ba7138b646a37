"""Pictures of the slices of a predicted patient with the most tumour: CT and PET side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.case import Grid, resample_to
from nnunet_cipa.dataset_conversion.study_set.study_set import WRITTEN
from nnunet_cipa.pages import palette
from nnunet_cipa.pages.images import Outline, data_uri, outlined, png
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.page.shades import outlines, shade_ct, shade_pet
from nnunet_cipa.predict.predicted import Predicted

_SIDE = 460
_APART_MM = 10.0
_MARGIN_MM = 10.0
# Between air and tissue; rows and columns with so much of it are of the patient.
_AIR_BELOW, _LEAST_TISSUE = -500.0, 0.05


@dataclass(frozen=True)
class SlicePicture:
    """A slice: its number, counted from 1, where it is in mm (z), and pictures of CT and PET as addresses."""

    number: int
    z_mm: float
    ct: str
    pet: str


def choose_slices(lesions: PatientLesions, spacing_mm: float, most: int) -> list[int]:
    """Return slices, counted from 0: the largest of each lesion, then those with most tumour, 10 mm apart.

    Parameters
    ----------
    lesions
        Largest lesions go first.
    spacing_mm
        Distance of slices.
    most
        Their number at most.
    """
    boxes = [box for one in lesions.labels for box in one.boxes]
    boxes.sort(key=lambda box: -np.count_nonzero(box.inside))
    areas: dict[int, int] = {}
    wanted = []
    for box in boxes:
        counts = np.count_nonzero(box.inside, axis=(1, 2))
        wanted.append(box.place[0].start + int(counts.argmax()))
        for slice_, count in enumerate(counts.tolist(), box.place[0].start):
            areas[slice_] = areas.get(slice_, 0) + count
    wanted += sorted(areas, key=lambda slice_: -areas[slice_])
    chosen: list[int] = []
    for slice_ in wanted:
        if all(abs(slice_ - other) * spacing_mm >= _APART_MM for other in chosen):
            chosen.append(slice_)
    return sorted(chosen[:most])


def draw_slices(predicted: Predicted, slices: Sequence[int]) -> list[SlicePicture]:
    """Draw slices of the CT, counted from 0, from top to bottom, seen from the feet as usual."""
    members = None
    if predicted.certainty is not None:
        members = predicted.certainty.images(predicted.mask).get("members")
    pictures = [_draw(predicted, members, slice_) for slice_ in slices]
    return sorted(pictures, key=lambda picture: -picture.z_mm)


def _draw(predicted: Predicted, members: sitk.Image | None, slice_: int) -> SlicePicture:
    ct, mask = (_slice(image, slice_) for image in (predicted.ct, predicted.mask))
    planes = [_plane(image) for image in (ct, resample_to(predicted.pet, Grid.of(ct)), mask)]
    some = np.zeros_like(planes[2]) if members is None else _plane(_slice(members, slice_))
    place = _of_patient(planes[0], (planes[2] > 0) | (some > 0), ct.GetSpacing())
    hu, suv, labels, disputed = (plane[place] for plane in (*planes, some > 0))
    drawn = [*([] if members is None else [Outline(disputed, palette.TRUTH)]), *outlines(predicted, labels)]
    pixel = ct.GetSpacing()[1], ct.GetSpacing()[0]
    pictures = [data_uri(png(outlined(shaded, drawn, pixel, _SIDE))) for shaded in (shade_ct(hu), shade_pet(suv))]
    return SlicePicture(slice_ + 1, ct.GetOrigin()[2], *pictures)


def _slice(image: sitk.Image, slice_: int) -> sitk.Image:
    return sitk.DICOMOrient(image[:, :, slice_ : slice_ + 1], WRITTEN)


def _plane(image: sitk.Image) -> NDArray[Any]:
    plane: NDArray[Any] = sitk.GetArrayFromImage(image)[0]
    return plane


def _of_patient(hu: NDArray[Any], marked: NDArray[np.bool_], spacing: tuple[float, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that hold the patient, or a mask, with a margin."""
    tissue = hu.astype(np.float32) > _AIR_BELOW
    ends = []
    for axis, side in ((1, spacing[1]), (0, spacing[0])):
        found = np.flatnonzero((tissue.mean(axis=axis) > _LEAST_TISSUE) | marked.any(axis=axis))
        low, high = (int(found[0]), int(found[-1])) if found.size else (0, hu.shape[1 - axis] - 1)
        margin = round(_MARGIN_MM / side)
        ends.append(slice(max(0, low - margin), high + margin + 1))
    return ends[0], ends[1]
