"""A patient who was predicted: all that tables, pages and DICOM objects are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.check import PatientFacts
from nnunet_cipa.predict.certainty.certainty import Certainty
from nnunet_cipa.predict.model.trained import TrainedModel


@dataclass(frozen=True)
class Source:
    """The series or the file that a volume was read from.

    Attributes
    ----------
    path
        Folder of the series, or the file.
    files
        Number of files.
    sha256
        Of the files, in the order of the slices.
    series_uid, study_uid
        Empty for NIfTI.
    description
        SeriesDescription; may name somebody.
    taken
        Time of acquisition as in the headers, YYYY-MM-DD HH:MM:SS, as far as it is known.
    scanner
        Manufacturer and model, as far as they are known.
    """

    path: Path
    files: int
    sha256: str
    series_uid: str = ""
    study_uid: str = ""
    description: str = ""
    taken: str = ""
    scanner: str = ""


@dataclass(frozen=True)
class Predicted:
    """A patient.

    Attributes
    ----------
    name
        Of the folder in OUT; for DICOM, made of the PatientID.
    patient_id
        PatientID, or the name of the folder of NIfTI files.
    pseudonym
        A name that tells nobody who it is.
    sources
        Where ``CT`` and ``PET`` were read from.
    ct
        HU, as it is stored.
    pet
        SUV on its own grid, in the CT's frame.
    mask
        Values of the model's labels (uint8), on the CT's grid.
    labels
        The model's labels: name -> values of the mask, without background.
    facts
        What was measured of the images: sizes, ranges, how SUV came about (``values["PET"]``), notes.
    model
        What predicted.
    warnings
        What a person should look at, a sentence each.
    started
        When the prediction of this patient began.
    seconds
        How long it took, by the name of the step.
    certainty
        How far the folds agree; None if they were not compared.
    """

    name: str
    patient_id: str
    pseudonym: str
    sources: Mapping[str, Source]
    ct: sitk.Image
    pet: sitk.Image
    mask: sitk.Image
    labels: Mapping[str, tuple[int, ...]]
    facts: PatientFacts
    model: TrainedModel
    warnings: tuple[str, ...]
    started: datetime
    seconds: Mapping[str, float]
    certainty: Certainty | None = None
