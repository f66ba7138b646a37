"""Checks of what the scans show: the part that the PET covers, and masks at the border of a scan."""

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.pet_cover import index_in_pet
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.predicted import Predicted

# Less is told, as when a study is converted.
USUAL_BODY, USUAL_FIELD = 0.99, 0.9


def covered_in_part(predicted: Predicted, _lesions: PatientLesions) -> Iterator[str]:
    """Tell of a PET that does not cover the body on the CT; where no body was found, the CT's field of view."""
    body, field = predicted.facts.pet_body_cover, predicted.facts.pet_cover
    if body is not None and body < USUAL_BODY:
        found = f"{body:.0%} of the body on the CT"
    elif body is None and field < USUAL_FIELD:
        found = f"{field:.0%} of the CT's field of view"
    else:
        return
    yield f"The PET covers {found}. Elsewhere the model sees no uptake, so that it can miss a tumour there."


def outside_the_pet(_predicted: Predicted, lesions: PatientLesions) -> Iterator[str]:
    """Tell of lesions whose uptake is not known, or in part."""
    yield from (f"{warning}." for warning in lesions.warnings)


def at_the_border(predicted: Predicted, _lesions: PatientLesions) -> Iterator[str]:
    """Tell of a mask that reaches the border of the CT, or of the PET where it ends within the CT."""
    mask = sitk.GetArrayViewFromImage(predicted.mask) != 0
    ends = [name for name, plane in (("first", mask[0]), ("last", mask[-1])) if plane.any()]
    if ends:
        yield (
            f"The mask reaches the {' and the '.join(ends)} slice of the CT, beyond which the tumour may go on: its "
            "volume may be too small."
        )
    if any(plane.any() for plane in (mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1])):
        yield "The mask reaches the edge of the CT's field of view, beyond which the tumour may go on."
    if _at_end_of_pet(predicted, mask):
        yield (
            "The mask reaches the border of the PET, which ends within the CT: the tumour may go on where the model "
            "sees no uptake."
        )


def _at_end_of_pet(predicted: Predicted, mask: NDArray[np.bool_]) -> bool:
    """Return whether a voxel lies in an outermost slice of the PET, or beyond, while the CT goes on."""
    pet, ct = predicted.pet, predicted.ct
    inside = np.argwhere(mask)[:, ::-1]
    if not inside.size:
        return False
    x, y, z = ct.GetSize()
    ends = np.array([(x // 2, y // 2, slice_) for slice_ in (0, z - 1)])
    found, whole = (index_in_pet(index, ct, pet)[:, 2] for index in (inside, ends))
    last = pet.GetSize()[2] - 1
    low = whole.min() < -0.5 and found.min() < 0.5
    return bool(low or (whole.max() > last + 0.5 and found.max() > last - 0.5))
