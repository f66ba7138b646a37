"""Attributes of objects made from a CT series: what they take over from it, and who made them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pydicom
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID, generate_uid

from nnunet_cipa import __version__
from nnunet_cipa.dicom.attributes import DAMAGE, first_line, tolerant
from nnunet_cipa.dicom.part10 import read_elements
from nnunet_cipa.dicom.series.grouping import Series, Slice
from nnunet_cipa.errors import CIPAError

MANUFACTURER = "nnunet_cipa"
MODEL = "nnunet_cipa export-dicom"
VERSION = __version__
SERIES_DESCRIPTION = "nnunet_cipa prediction"
# Beyond those of scanners, so that a study's list ends with them; a DICOMDIR cannot do without a number.
SERIES_NUMBERS = {"RTSTRUCT": 9001, "SEG": 9002, "SR": 9003, "SEG of the SR": 9004}
# What highdicom asks of source images beyond what they are; it comes from the CT at the end, byte by byte.
PLACEHOLDERS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
# The second value: the attribute has to be there, if need be without a value (type 2).
_PATIENT_AND_STUDY = {
    "SpecificCharacterSet": False,
    "PatientName": True,
    "PatientID": True,
    "IssuerOfPatientID": False,
    "PatientBirthDate": True,
    "PatientSex": True,
    "PatientAge": False,
    "PatientSize": False,
    "PatientWeight": False,
    "QualityControlSubject": False,
    "PatientIdentityRemoved": False,
    "DeidentificationMethod": False,
    "DeidentificationMethodCodeSequence": False,
    "StudyDate": True,
    "StudyTime": True,
    "AccessionNumber": True,
    "ReferringPhysicianName": True,
    "StudyDescription": False,
    "StudyID": True,
    "PositionReferenceIndicator": True,
}


@dataclass(frozen=True)
class Origin:
    """What an object says of itself and of what made it.

    Attributes
    ----------
    label
        StructureSetLabel, at most 16 characters.
    series_description
        At most 64 characters.
    versions
        SoftwareVersions after that of this package: the model.
    model_name
        TRAINER__PLANS__CONFIGURATION, empty if it was not told.
    model_version
        Hash of its weights, empty if it was not told.
    description
        Of the model, at most 1,024 characters; empty if it was not told.
    """

    label: str
    series_description: str
    versions: tuple[str, ...] = ()
    model_name: str = ""
    model_version: str = ""
    description: str = ""


def read_header(piece: Slice, keywords: Iterable[str] | None = None) -> Dataset:
    """Read all of a slice's file but its pixels, or only some attributes.

    Raises
    ------
    CIPAError
        If it cannot be read any more.
    """
    try:
        with tolerant():
            return read_elements(piece.path, keywords)
    except DAMAGE as error:
        raise CIPAError(f"{piece.path}: cannot be read ({first_line(error)}); export the CT again") from error


def derived_from(series: Series, kind: UID, origin: Origin) -> Dataset:
    """Start an object of its own series in the study of a CT: frame of reference, equipment, UIDs."""
    now = datetime.now().astimezone()
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = kind, generate_uid(prefix=None)
    made.InstanceCreationDate, made.InstanceCreationTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.StudyInstanceUID, made.FrameOfReferenceUID = series.study_uid, series.frame_of_reference_uid
    made.SeriesInstanceUID, made.InstanceNumber = generate_uid(prefix=None), 1
    made.SeriesDescription, made.SeriesDate, made.SeriesTime = (
        origin.series_description,
        made.InstanceCreationDate,
        made.InstanceCreationTime,
    )
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL
    made.SoftwareVersions = [VERSION, *origin.versions]
    made.OperatorsName = None
    made.file_meta = FileMetaDataset()
    return made


def take_over(made: Dataset, series: Series, syntax: UID) -> None:
    """Give a finished object the patient and study of a CT, byte by byte.

    A name stays what it is for whoever reads the CT, even if its bytes are none in the character set that the CT
    declares: decoding and encoding it would make another name of it.

    Parameters
    ----------
    made
        Must not be read by attributes of patient or study afterwards, as pydicom would decode them.
    series
        The CT.
    syntax
        Little endian; how the object will be written.

    Raises
    ------
    CIPAError
        If the CT cannot be read any more.
    """
    piece = series.slices[0]
    header = read_header(piece, _PATIENT_AND_STUDY)
    for keyword, needed in _PATIENT_AND_STUDY.items():
        tag = Tag(keyword)
        if keyword in made:
            del made[tag]
        try:
            with tolerant():
                element = _copied(header, keyword) if tag in header else None
        except DAMAGE as error:
            raise CIPAError(f"{piece.path}: {keyword} cannot be read ({first_line(error)}); export it again") from error
        if element is not None:
            made[tag] = element
        elif needed:
            setattr(made, keyword, None)
    made.file_meta.TransferSyntaxUID = syntax
    with tolerant():
        declared = made.get("SpecificCharacterSet")
        encodings = convert_encodings(declared) if declared else default_encoding
    # Otherwise pydicom decodes what is raw, to encode it again
    made.set_original_encoding(syntax.is_implicit_VR, True, encodings)


def _copied(header: Dataset, keyword: str) -> RawDataElement | pydicom.DataElement:
    raw, vr = header.get_item(keyword), dictionary_VR(keyword)
    value = getattr(raw, "value", None)
    if vr in {"SQ", "CS"} or not isinstance(raw, RawDataElement):
        return header[keyword]
    content = value or b""
    content += b" " * (len(content) % 2)
    return RawDataElement(Tag(keyword), vr, len(content), content, 0, False, True)
