"""A check of the intensities in the lesions against those of the tumours that the model was trained on."""

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.pipeline.channels import WIDTH
from nnunet_cipa.dataset_conversion.study_set.case import Grid, resample_to, stored_hu, stored_suv
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.evaluation.lesion_boxes import LesionBox
from nnunet_cipa.nnunet.channels import find_modalities
from nnunet_cipa.predict.checks.known import trained_range
from nnunet_cipa.predict.checks.plausible import is_speck
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.predicted import Predicted

_ROUNDING = 1e-4  # of what is stored as float32, from 0 to 3.2 or in HU and SUV
_TO_STORE = {"CT": stored_hu, "PET": stored_suv}
_SHOWN = {"CT": ("HU", 0), "PET": ("SUV", 1)}


def unlike_the_training_tumours(predicted: Predicted, lesions: PatientLesions) -> Iterator[str]:
    """Tell of lesions whose median is outside of what 99 % of the voxels of the training tumours had, as it is stored.

    Specks are left out, as any of them may be.
    """
    storage = predicted.model.storage
    for channel, modality in enumerate(find_modalities(dict(predicted.model.dataset_json))):
        known = trained_range(predicted.model, channel)
        if known is None:
            yield f"The model's plans do not tell the {modality} of its training tumours, so that it was not compared."
            continue
        low, high = known
        unit, digits = _SHOWN[modality]
        for label in lesions.labels:
            for number, box in enumerate(label.boxes, 1):
                if is_speck(label, number):
                    continue
                found = _median(predicted, modality, box)
                if not low - _ROUNDING <= found <= high + _ROUNDING:
                    shown, lowest, highest = (
                        f"{_as_read(value, modality, storage):.{digits}f}" for value in (found, low, high)
                    )
                    yield (
                        f"{label.label}: lesion {number} has a median of {shown} {unit} in the {modality}; 99 % of the "
                        f"tumour voxels that the model was trained on had {lowest} to {highest} {unit}."
                    )


def _median(predicted: Predicted, modality: str, lesion: LesionBox) -> float:
    """Return the median over a lesion of what is stored for the model."""
    z, y, x = lesion.place
    part = predicted.ct[x, y, z]
    image = part if modality == "CT" else resample_to(predicted.pet, Grid.of(part))
    values = sitk.GetArrayViewFromImage(image)[lesion.inside]
    return float(np.median(_TO_STORE[modality](values, predicted.model.storage)))


def _as_read(stored: float, modality: str, storage: Storage) -> float:
    """Return HU or SUV of what is stored."""
    if storage.intensity is Intensity.RAW:
        return stored
    low, high = storage.hu_window if modality == "CT" else storage.suv_range
    return low + stored / WIDTH * (high - low)
