"""Attributes of objects made from a CT series: what they take over from it, and who made them."""

from datetime import datetime

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian, generate_uid

from nnunet_cipa import __version__
from nnunet_cipa.dicom.attributes import DAMAGE, tolerant
from nnunet_cipa.dicom.series.grouping import Series, Slice
from nnunet_cipa.errors import CIPAError

MANUFACTURER = "nnunet_cipa"
MODEL = "nnunet_cipa export-dicom"
VERSION = __version__
SERIES_DESCRIPTION = "nnunet_cipa prediction"
# The second value: the attribute has to be there, if need be without a value (type 2).
_PATIENT_AND_STUDY = {
    "SpecificCharacterSet": False,
    "PatientName": True,
    "PatientID": True,
    "IssuerOfPatientID": False,
    "PatientBirthDate": True,
    "PatientSex": True,
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


def read_header(piece: Slice) -> Dataset:
    """Read all of a slice's file but its pixels.

    Raises
    ------
    CIPAError
        If it cannot be read any more.
    """
    try:
        with tolerant():
            header = pydicom.dcmread(piece.path, stop_before_pixels=True)
            header.decode()
    except DAMAGE as error:
        raise CIPAError(f"{piece.path}: cannot be read ({error}); export the CT again") from error
    return header


def derived_from(series: Series, kind: UID, modality: str) -> Dataset:
    """Start an object of its own series in the study of a CT: patient, study, frame of reference, equipment, UIDs."""
    header = read_header(series.slices[0])
    made = Dataset()
    for keyword, needed in _PATIENT_AND_STUDY.items():
        if keyword in header:
            made[keyword] = header[keyword]
        elif needed:
            setattr(made, keyword, None)
    now = datetime.now().astimezone()
    made.SOPClassUID, made.SOPInstanceUID = kind, generate_uid(prefix=None)
    made.InstanceCreationDate, made.InstanceCreationTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.StudyInstanceUID, made.FrameOfReferenceUID = series.study_uid, series.frame_of_reference_uid
    made.SeriesInstanceUID, made.SeriesNumber = generate_uid(prefix=None), None
    made.SeriesDescription, made.Modality, made.InstanceNumber = SERIES_DESCRIPTION, modality, 1
    made.SeriesDate, made.SeriesTime = made.InstanceCreationDate, made.InstanceCreationTime
    made.Manufacturer, made.ManufacturerModelName, made.SoftwareVersions = MANUFACTURER, MODEL, VERSION
    made.OperatorsName = None
    made.file_meta = FileMetaDataset()
    # In explicit VR a contour of more than 64 KiB would have to be written as of unknown type
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return made
