"""The series or file that a volume of a patient was read from, for the manifest and the page."""

from pathlib import Path

from nnunet_cipa.dataset_conversion.study_set.dicom_patient import DicomPatient
from nnunet_cipa.dataset_conversion.study_set.study_set import Patient
from nnunet_cipa.dicom.attributes import DAMAGE, first_line, text, tolerant
from nnunet_cipa.dicom.part10 import read_elements
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.predicted import Source

_TIMES = (("AcquisitionDate", "AcquisitionTime"), ("SeriesDate", "SeriesTime"), ("StudyDate", "StudyTime"))
_SCANNER = ("Manufacturer", "ManufacturerModelName")


def find_source(patient: Patient, volume: str, sha256: str) -> Source:
    """Tell where ``CT`` or ``PET`` of a patient was read from.

    Raises
    ------
    CIPAError
        If a file cannot be read any more.
    """
    if not isinstance(patient, DicomPatient):
        return Source(Path(patient.where(volume)), 1, sha256)
    return _of_series(patient.ct if volume == "CT" else patient.pet, sha256)


def _of_series(series: Series, sha256: str) -> Source:
    path = series.slices[0].path
    try:
        with tolerant():
            header = read_elements(path, [*_SCANNER, *(keyword for pair in _TIMES for keyword in pair)])
            scanner = " ".join(filter(None, (text(header, keyword) for keyword in _SCANNER)))
            times = [(text(header, day), text(header, time)) for day, time in _TIMES]
    except DAMAGE as error:
        raise CIPAError(f"{path}: cannot be read ({first_line(error)}); export it again") from error
    taken = next((_written(day, time) for day, time in times if day), "")
    return Source(
        path=path.parent,
        files=len(series.slices),
        sha256=sha256,
        series_uid=series.series_uid,
        study_uid=series.study_uid,
        description=series.description,
        taken=taken,
        scanner=scanner,
    )


def _written(day: str, time: str) -> str:
    """Write DICOM's YYYYMMDD and HHMMSS.FFFFFF as YYYY-MM-DD HH:MM:SS."""
    clock = ":".join(time[start : start + 2] for start in (0, 2, 4) if time[start : start + 2])
    return f"{day[:4]}-{day[4:6]}-{day[6:8]} {clock}".strip()
