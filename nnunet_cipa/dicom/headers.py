"""Headers of CT and PET slices, as far as they are kept."""

from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from nnunet_cipa.dicom.attributes import count, numbers, text, words
from nnunet_cipa.dicom.part10 import is_dicom, open_part10, read_meta
from nnunet_cipa.dicom.stored_pixels import fault_of_pixels

TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "ImageType",
    "PatientID",
    "StudyInstanceUID",
    "StudyDate",
    "SeriesInstanceUID",
    "SeriesDescription",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsAllocated",
    "CorrectedImage",
    "SeriesType",
    "Units",
)


@dataclass(frozen=True)
class Header:
    """One CT or PET image file.

    Attributes
    ----------
    path
        Of the file.
    modality, sop_class_uid, sop_instance_uid, patient_id, study_uid, series_uid, frame_of_reference_uid, description
        As in the file; empty if missing.
    transfer_syntax_uid
        How the pixels are coded.
    image_type, series_type, corrections
        Values of ImageType, SeriesType and CorrectedImage, in capitals.
    units
        Units of a PET, in capitals; empty if missing.
    rows, columns, frames
        Size; rows and columns are 0 if missing, frames 1.
    position
        ImagePositionPatient, mm (LPS); None if missing or not three numbers.
    orientation
        ImageOrientationPatient, direction along a row, then down a column; None if missing or not six numbers.
    pixel_spacing
        PixelSpacing, mm from row to row, then from column to column; None if missing or not two numbers.
    fault
        Why its pixels cannot be read, as far as that shows without decoding them.
    study_date
        YYYYMMDD as in the file; empty if missing.
    is_bare
        Whether the file lacks the preamble of part 10.
    """

    path: Path
    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    patient_id: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    description: str
    transfer_syntax_uid: str
    image_type: tuple[str, ...]
    series_type: tuple[str, ...]
    corrections: tuple[str, ...]
    units: str
    rows: int
    columns: int
    frames: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    fault: str | None
    study_date: str = ""
    is_bare: bool = False


def read_attributes(path: Path) -> tuple[Dataset, str | None]:
    """Read the attributes in ``TAGS`` up to the pixels, and tell what is wrong with the pixels.

    Raises
    ------
    ValueError
        If the file does not name its transfer syntax, or is deflated: what that inflates to has no bound.
    Exception
        One of ``DAMAGE`` if the file is damaged.
    """
    syntax = read_meta(path).get("TransferSyntaxUID")
    if not syntax:
        raise ValueError("it names no transfer syntax")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise ValueError("it is deflated; inflate it, for example with dcmconv")
    with open_part10(path) as file:
        found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*TAGS])
        fault = fault_of_pixels(file, found)
    return found, fault


def make_header(path: Path, found: Dataset, fault: str | None) -> Header:
    """Take what is needed from the attributes of a CT or PET image."""
    return Header(
        path=path,
        modality=text(found, "Modality"),
        sop_class_uid=text(found, "SOPClassUID"),
        sop_instance_uid=text(found, "SOPInstanceUID"),
        patient_id=text(found, "PatientID"),
        study_uid=text(found, "StudyInstanceUID"),
        series_uid=text(found, "SeriesInstanceUID"),
        frame_of_reference_uid=text(found, "FrameOfReferenceUID"),
        description=text(found, "SeriesDescription"),
        transfer_syntax_uid=str(found.file_meta.TransferSyntaxUID),
        image_type=words(found, "ImageType"),
        series_type=words(found, "SeriesType"),
        corrections=words(found, "CorrectedImage"),
        units=text(found, "Units").upper(),
        rows=count(found, "Rows", 0),
        columns=count(found, "Columns", 0),
        frames=count(found, "NumberOfFrames", 1),
        position=numbers(found, "ImagePositionPatient", 3),
        orientation=numbers(found, "ImageOrientationPatient", 6),
        pixel_spacing=numbers(found, "PixelSpacing", 2),
        fault=fault,
        is_bare=not is_dicom(path),
        study_date=text(found, "StudyDate").replace(".", ""),
    )
