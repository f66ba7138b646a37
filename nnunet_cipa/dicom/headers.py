"""Headers of CT and PET slices, as far as they are kept."""

import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from nnunet_cipa.dicom.stored_pixels import fault_of_pixels

# What pydicom raises on damaged files: it checks little, so that damage shows as whatever fails first.
DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    struct.error,
)
NUMBERS = {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}
TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "ImageType",
    "PatientID",
    "StudyInstanceUID",
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
    rows: int
    columns: int
    frames: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    fault: str | None


@contextmanager
def tolerant() -> Iterator[None]:
    """Let pydicom take values that break the standard without a warning: here every value that counts is checked."""
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_attributes(path: Path) -> tuple[Dataset, str | None]:
    """Read the attributes in ``TAGS`` up to the pixels, and tell what is wrong with the pixels.

    Raises
    ------
    ValueError
        If the file does not name its transfer syntax, or is deflated: what that inflates to has no bound.
    Exception
        One of ``DAMAGE`` if the file is damaged.
    """
    syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    if not syntax:
        raise ValueError("it names no transfer syntax")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise ValueError("it is deflated; inflate it, for example with dcmconv")
    with path.open("rb") as file:
        found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*TAGS])
        fault = fault_of_pixels(file, found, path.stat().st_size)
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
        rows=_count(found, "Rows", 0),
        columns=_count(found, "Columns", 0),
        frames=_count(found, "NumberOfFrames", 1),
        position=_numbers(found, "ImagePositionPatient", 3),
        orientation=_numbers(found, "ImageOrientationPatient", 6),
        pixel_spacing=_numbers(found, "PixelSpacing", 2),
        fault=fault,
    )


def text(found: Dataset, keyword: str) -> str:
    """Return an attribute as one line of printable text, empty if missing."""
    value = found.get(keyword)
    return "" if value is None else "".join(c for c in str(value) if c.isprintable()).strip()


def words(found: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of an attribute in capitals, none if missing."""
    value = found.get(keyword)
    if value is None or isinstance(value, str):
        value = [value] if value else []
    return tuple(str(word).strip().upper() for word in value)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its name if it has none; printable, for one line to the user."""
    line = (str(error).splitlines() or [""])[0]
    return "".join(c if c.isprintable() else "?" for c in line) or type(error).__name__


def _count(found: Dataset, keyword: str, missing: int) -> int:
    try:
        value = found.get(keyword)
        return missing if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _numbers(found: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    try:
        value = found.get(keyword)
        numbers = tuple(float(number) for number in value) if value is not None else ()
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def number(image: Dataset, keyword: str) -> float | None:
    """Return an attribute as a number; None if it is missing, empty or none."""
    try:
        value = image.get(keyword)
        # Tags, which are numbers in Python, and texts that happen to be some are damage
        return None if value is None or image[keyword].VR not in NUMBERS else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
