"""Lesions of a predicted patient and what was measured of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.evaluation.lesion_boxes import LesionBox, find_lesions
from nnunet_cipa.evaluation.uptake import Uptake, combine_uptake, measure_lesion
from nnunet_cipa.predict.predicted import Predicted


@dataclass(frozen=True)
class LabelLesions:
    """The lesions of a label.

    Attributes
    ----------
    label
        Its name.
    boxes
        Where they are, the largest first.
    uptake
        What was measured of each.
    total
        Of all together; None if there are none.
    """

    label: str
    boxes: tuple[LesionBox, ...]
    uptake: tuple[Uptake, ...]
    total: Uptake | None


@dataclass(frozen=True)
class PatientLesions:
    """The lesions of a patient.

    Attributes
    ----------
    name
        Of the patient's folder.
    labels
        Those of the model.
    """

    name: str
    labels: tuple[LabelLesions, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, a sentence each."""
        return tuple(_warnings(self.labels))


def measure_lesions(predicted: Predicted) -> PatientLesions:
    """Measure the lesions of each label apart; labels may overlap."""
    values, labels = sitk.GetArrayViewFromImage(predicted.mask), []
    for label, wanted in predicted.labels.items():
        inside = np.zeros(values.shape, dtype=bool)
        for value in wanted:  # isin would take several times the memory
            inside |= values == value
        boxes = find_lesions(inside)
        uptake = tuple(measure_lesion(box, predicted.mask, predicted.pet) for box in boxes)
        labels.append(LabelLesions(label, tuple(boxes), uptake, combine_uptake(uptake) if uptake else None))
    return PatientLesions(predicted.name, tuple(labels))


def _warnings(labels: tuple[LabelLesions, ...]) -> Iterator[str]:
    for one in labels:
        for number, uptake in enumerate(one.uptake, 1):
            if uptake.in_pet == 0:
                yield f"{one.label}: lesion {number} lies outside the PET, so that its uptake is not known"
            elif uptake.in_pet < 1:
                covered = f"{uptake.in_pet:.0%}"
                yield f"{one.label}: the PET covers {covered} of lesion {number}; its uptake is that of this part"
