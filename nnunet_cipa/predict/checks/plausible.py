"""Checks of the mask by itself: whether there are lesions, their sizes, and whether the model is sure of them."""

from collections.abc import Iterator

import numpy as np

from nnunet_cipa.predict.lesions.measured import LabelLesions, PatientLesions
from nnunet_cipa.predict.predicted import Predicted

# Lung tumours of more than a litre are rare; a mask that has taken in heart or liver has as much.
LARGEST_ML = 1000.0
# Below either a lesion is a speck: less than a sphere of 6 mm, or too few voxels to have a shape.
LEAST_ML, LEAST_VOXELS = 0.1, 5


def no_tumour(_predicted: Predicted, lesions: PatientLesions) -> Iterator[str]:
    """Tell that nothing was found."""
    if not any(one.boxes for one in lesions.labels):
        yield "No tumour was found, which does not tell that there is none: look at the scan."


def implausibly_large(_predicted: Predicted, lesions: PatientLesions) -> Iterator[str]:
    """Tell of a label with more than a litre."""
    for one in lesions.labels:
        if one.total is not None and one.total.volume_ml > LARGEST_ML:
            yield (
                f"{one.label} has {one.total.volume_ml:.0f} ml, more than {LARGEST_ML:.0f} ml, which few lung tumours "
                "have: look whether it holds heart, liver or other organs."
            )


def specks(_predicted: Predicted, lesions: PatientLesions) -> Iterator[str]:
    """Tell of lesions that are so small that they may be noise."""
    for one in lesions.labels:
        found = [str(number) for number in range(1, len(one.boxes) + 1) if is_speck(one, number)]
        if found:
            few = f"less than {LEAST_ML:g} ml or {LEAST_VOXELS} voxels, and may be noise"
            several = f"lesions {', '.join(found)} of {len(one.boxes)} have"
            yield f"{one.label}: {several if len(found) > 1 else f'lesion {found[0]} of {len(one.boxes)} has'} {few}."


def unsure(predicted: Predicted, _lesions: PatientLesions) -> Iterator[str]:
    """Tell of members of the model that do not agree, or cannot be compared, where they were to be."""
    if predicted.certainty is not None and predicted.certainty.warning:
        yield predicted.certainty.warning


def is_speck(label: LabelLesions, number: int) -> bool:
    """Return whether a lesion, counted from 1, is one."""
    voxels = int(np.count_nonzero(label.boxes[number - 1].inside))
    return voxels < LEAST_VOXELS or label.uptake[number - 1].volume_ml < LEAST_ML
