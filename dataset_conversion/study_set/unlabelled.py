"""Patients to predict: CT and PET, in DICOM or NIfTI, without contours."""

from collections.abc import Sequence
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.nifti_set import (
    is_nifti_layout,
    nifti_faults,
    nifti_patient,
    read_nifti_set,
)
from nnunet_cipa.dataset_conversion.study_set.study_set import IMAGES, StudySet
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.errors import CIPAError


def read_unlabelled(
    source: Path, series: Sequence[str] = (), suv: SuvOptions | None = None, *, per_study: bool = False
) -> StudySet:
    """Find the patients, whatever the form of the files; no pixel is read, and contours are not looked at.

    Parameters
    ----------
    source
        A folder tree of DICOM files of any number of patients, a folder with one folder a patient with CT.nii.gz and
        PET.nii.gz, or one such folder itself.
    series
        UIDs of DICOM series to take where a patient has several that could be meant.
    suv
        What counts where the headers of a PET do not tell SUV.
    per_study
        Take each DICOM study with CT and PET, not one of each patient; a folder of NIfTI files is one study.

    Returns
    -------
    StudySet
        Whose patients can be checked and read; PatientIDs by the names of the cases are in ``known_as``. Patients who
        cannot be read are ``failures``.

    Raises
    ------
    CIPAError
        If there is nobody, a series is of nobody, or DICOM and NIfTI are mixed; with NIfTI also for ``series`` and
        ``suv``.
    """
    suv = suv or SuvOptions()
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds the study")
    alone = any((source / f"{name}.nii.gz").is_file() for name in IMAGES)
    if alone or is_nifti_layout(source):
        for flag, given in (("series", series), ("suv-override", suv.suv_override)):
            if given:
                raise CIPAError(f"--{flag}: is for DICOM, and {source} holds NIfTI files; leave it out")
        return _one_nifti(source.resolve()) if alone else read_nifti_set(source, None, None, 0)
    wanted = Wanted(roi=None, series=tuple(series), suv=suv, per_study=per_study)
    return read_dicom_set(source, wanted, "STUDY", None, 0)


def _one_nifti(folder: Path) -> StudySet:
    problems = tuple(nifti_faults(folder))
    if problems:
        return StudySet("NIfTI", (), (Failure(folder.name, problems),))
    return StudySet("NIfTI", (nifti_patient(folder, "test"),))
