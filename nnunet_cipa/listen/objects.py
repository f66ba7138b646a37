"""Objects as they come from the wire: whose study they belong to, and whether two are the same."""

import re
from dataclasses import dataclass
from io import BytesIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from nnunet_cipa.dicom.attributes import DAMAGE, first_line, text
from nnunet_cipa.dicom.files import ENHANCED, IMAGES, REGISTRATIONS
from nnunet_cipa.dicom.part10 import sop_class
from nnunet_cipa.errors import CIPAError, shown

# Numbers may not begin with a zero, but scanners write them so. Nothing that it matches leads out of a folder.
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_LONGEST = 64


# What a prediction is made from. Anything else, such as the structure set that was made of it and comes back from an
# archive, must not lead to another one.
_INPUTS = {*IMAGES.values(), *ENHANCED, *REGISTRATIONS}


@dataclass(frozen=True)
class Received:
    """An object that can be kept.

    Attributes
    ----------
    study_uid, instance_uid
        Safe as names of files.
    data
        The whole file, with its meta information.
    is_input
        Whether it is of a kind that is predicted from.
    """

    study_uid: str
    instance_uid: str
    data: bytes
    is_input: bool = True


def identify(data: bytes, instance_uid: str, transfer_syntax: str) -> Received:
    """Find out where an object belongs.

    Parameters
    ----------
    data
        The file.
    instance_uid, transfer_syntax
        Its SOPInstanceUID as the sender told it, and how it is encoded.

    Raises
    ------
    CIPAError
        If it cannot be read, is deflated, or one of its UIDs is none.
    """
    instance = _checked("SOPInstanceUID", instance_uid)
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        raise CIPAError(f"object {instance}: is deflated, and what it inflates to has no bound; send it uncompressed")
    try:
        found = _read(data, ["SOPClassUID", "StudyInstanceUID", "SOPInstanceUID"])
        study, inside = text(found, "StudyInstanceUID"), text(found, "SOPInstanceUID")
    except DAMAGE as error:
        raise CIPAError(f"object {instance}: cannot be read ({first_line(error)}); export it again") from error
    if inside not in {"", instance}:
        raise CIPAError(f"object {instance}: has SOPInstanceUID {shown(inside)} inside; send it as what it is")
    return Received(_checked("StudyInstanceUID", study), instance, data, sop_class(found) in _INPUTS)


def is_same(one: bytes, other: bytes) -> bool:
    """Return whether two files hold one object, the pixels perhaps in two transfer syntaxes."""
    if one == other:
        return True
    try:
        first, second = _read(one), _read(other)
        recoded = first.file_meta.TransferSyntaxUID != second.file_meta.TransferSyntaxUID
        return recoded and bool(first == second)
    except DAMAGE:
        return False


def _checked(keyword: str, value: str) -> str:
    if len(value) > _LONGEST or not _UID.fullmatch(value):
        raise CIPAError(f"{keyword} {shown(value)}: is not a UID; correct the object and send it again")
    return value


def _read(data: bytes, keywords: list[str] | None = None) -> FileDataset:
    return pydicom.dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=keywords)
