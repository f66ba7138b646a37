"""Maximum intensity projections of a predicted patient's PET, with the outline of the mask."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.image import DIRECTION_TOLERANCE, corner_points
from nnunet_cipa.dataset_conversion.study_set.study_set import WRITTEN
from nnunet_cipa.pages.images import Outline, data_uri, outlined, png
from nnunet_cipa.predict.page.shades import label_colours, shade_pet
from nnunet_cipa.predict.predicted import Predicted

_PIXEL_MM = 2.0
_PER_MM = 1.0  # pixels of the picture
# Where the mean over a plane is so much of the highest, is the patient; activity is all there is to go by.
_LEAST_ACTIVITY, _MARGIN_MM = 0.1, 20.0
# Name, and the axis (z, y, x) along which it is seen.
VIEWS = {"coronal": 1, "sagittal": 2, "axial": 0}


@dataclass(frozen=True)
class Projection:
    """A projection as an address of a picture, and how much of it the others have, in mm."""

    view: str
    picture: str
    height_mm: float
    width_mm: float


def project(predicted: Predicted) -> list[Projection]:
    """Draw the PET's highest SUV along each axis of the patient, and outline what the mask has there.

    The PET is brought onto axes of the patient first, as it may be turned; the mask is projected as it is, so that no
    lesion falls between voxels of the PET. The head is up, and the patient's left is on the right.
    """
    pet, mask = _upright(predicted.pet), sitk.DICOMOrient(predicted.mask, WRITTEN)
    suv, shadows = sitk.GetArrayViewFromImage(pet), _shadows(sitk.GetArrayViewFromImage(mask), predicted)
    projections = []
    for view, along in VIEWS.items():
        rows, columns = (axis for axis in range(3) if axis != along)
        shown = _raster(pet, rows, suv), _raster(pet, columns, suv)
        if rows == 0:
            shown = shown[0][::-1], shown[1]
        places = [_at(pet, axis, wanted) for axis, wanted in zip((rows, columns), shown, strict=True)]
        plane = _taken(suv.max(axis=along), places)
        places = [_at(mask, axis, wanted) for axis, wanted in zip((rows, columns), shown, strict=True)]
        outlines = [
            Outline(_taken(shadows[label][along], places), colour) for label, colour in label_colours(predicted).items()
        ]
        height, width = (len(wanted) * _PIXEL_MM for wanted in shown)
        longest = round(max(height, width) * _PER_MM)
        picture = outlined(shade_pet(plane), outlines, (_PIXEL_MM, _PIXEL_MM), longest)
        projections.append(Projection(view, data_uri(png(picture)), height, width))
    return projections


def _shadows(values: NDArray[Any], predicted: Predicted) -> dict[str, list[NDArray[np.bool_]]]:
    """Return where each label has anything along each axis; of the mask, slice by slice."""
    shadows: dict[str, list[NDArray[np.bool_]]] = {}
    for label, wanted in predicted.labels.items():
        axial = np.zeros(values.shape[1:], dtype=bool)
        rows, columns = [], []
        for plane in values:
            inside = np.isin(plane, wanted)
            axial |= inside
            rows.append(inside.any(axis=1))
            columns.append(inside.any(axis=0))
        shadows[label] = [axial, np.stack(columns), np.stack(rows)]
    return shadows


def _upright(pet: sitk.Image) -> sitk.Image:
    """Return a PET with the patient's axes; one that is turned is resampled."""
    oriented = sitk.DICOMOrient(pet, WRITTEN)
    if np.abs(np.array(oriented.GetDirection()) - np.eye(3).ravel()).max() <= DIRECTION_TOLERANCE:
        return oriented
    points, spacing = corner_points(oriented), np.array(oriented.GetSpacing())
    size = np.ceil(np.ptp(points, axis=0) / spacing).astype(int) + 1
    origin = points.min(axis=0).tolist()
    return sitk.Resample(oriented, size.tolist(), sitk.Transform(), sitk.sitkLinear, origin, spacing.tolist())


def _raster(pet: sitk.Image, axis: int, suv: NDArray[Any]) -> NDArray[np.float64]:
    """Return the centres of a picture's pixels along an axis (z, y, x), in mm; beside the patient there are none."""
    low, spacing, count = _line(pet, axis)
    start, stop = 0, count
    if axis:
        mean = suv.mean(axis=(0, 3 - axis))
        inside = np.flatnonzero(mean > _LEAST_ACTIVITY * mean.max())
        margin = int(np.ceil(_MARGIN_MM / spacing))
        start, stop = max(0, int(inside[0]) - margin), min(count, int(inside[-1]) + 1 + margin)
    return np.arange(low + spacing * start + _PIXEL_MM / 2, low + spacing * stop, _PIXEL_MM)


def _at(image: sitk.Image, axis: int, wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return in which voxels places along an axis lie; -1 for none."""
    low, spacing, count = _line(image, axis)
    index = np.floor((wanted - low) / spacing).astype(np.int64)
    return np.where((index >= 0) & (index < count), index, -1)


def _line(image: sitk.Image, axis: int) -> tuple[float, float, int]:
    """Return where an image begins along an axis, the length of a voxel, and their number."""
    spacing = image.GetSpacing()[2 - axis]
    return image.GetOrigin()[2 - axis] - spacing / 2, spacing, image.GetSize()[2 - axis]


def _taken(plane: NDArray[Any], places: list[NDArray[np.int64]]) -> NDArray[Any]:
    """Return rows and columns of a plane; 0 where there are none."""
    taken: NDArray[Any] = np.pad(plane, ((0, 1), (0, 1)))[np.ix_(*places)]
    return taken
