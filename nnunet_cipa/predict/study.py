"""The patients of a folder who are to be predicted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.dicom_patient import DicomPatient
from nnunet_cipa.dataset_conversion.study_set.study_set import Patient
from nnunet_cipa.dataset_conversion.study_set.unlabelled import read_unlabelled
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.predict.names import Who, folder_names
from nnunet_cipa.predict.predicted import Source
from nnunet_cipa.predict.sources import find_source


@dataclass(frozen=True)
class NewPatient:
    """A study of a patient whose CT and PET were found.

    Attributes
    ----------
    patient
        What reads them.
    who
        PatientID and study.
    name
        Of the folder in OUT.
    kind
        "NIfTI" or "DICOM".
    """

    patient: Patient
    who: Who
    name: str
    kind: str

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Where CT and PET are read from, with hashes of their files.

        Raises
        ------
        CIPAError
            If a file cannot be read any more.
        """
        return {volume: find_source(self.patient, volume, self.patient.sha256(volume)) for volume in ("CT", "PET")}


@dataclass(frozen=True)
class Study:
    """What a folder holds: patients, and those whose CT and PET could not be found."""

    patients: tuple[NewPatient, ...]
    failures: tuple[Failure, ...]


def read_study(folder: Path, series: Sequence[str], suv: SuvOptions) -> Study:
    """Find the patients; no pixel is read.

    Parameters
    ----------
    folder
        Any folder tree with DICOM, or a folder for each patient with CT.nii.gz (HU) and PET.nii.gz (SUV).
    series
        UIDs that go before others.
    suv
        What counts where the headers of a PET do not tell SUV.

    Raises
    ------
    CIPAError
        If there is nobody, or what is wanted is of nobody.
    """
    found = read_unlabelled(folder, series, suv, per_study=True)
    whose = [_who(patient) for patient in found.patients]
    patients = [
        NewPatient(patient, who, name, found.kind)
        for patient, who, name in zip(found.patients, whose, folder_names(whose), strict=True)
    ]
    return Study(tuple(sorted(patients, key=lambda one: one.name)), found.failures)


def _who(patient: Patient) -> Who:
    if not isinstance(patient, DicomPatient):
        # NIfTI has no UIDs, and the folder's name alone would be guessed from a pseudonym
        return Who(patient.name, patient.sha256("CT"))
    day = find_source(patient, "CT", "").taken[:10]
    return Who(patient.ct.patient_id, patient.ct.study_uid, day)
