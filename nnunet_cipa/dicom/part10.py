"""DICOM files as part 10 of the standard has them, whether or not they were written with preamble and meta information.

Treatment planning systems write bare data sets, which begin with group 8 and do not name their transfer syntax. They
are recognised by their first elements, which have to lead to a SOPClassUID, and read as if what is missing were there.
"""

import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from nnunet_cipa.dicom.attributes import text

PREAMBLE = bytes(128) + b"DICM"
MISSING = "it lacks the preamble of DICOM part 10"
_META, _IDENTIFYING, _CLASS, _INSTANCE = 2, 8, 0x16, 0x18
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_STORED = "1.2.840.10008.5.1.4.1.1."
# First elements that are looked at, and how long one of them can be.
_MOST_ELEMENTS, _LONGEST = 32, 4096


def is_dicom(path: Path) -> bool:
    """Return whether a file has the preamble of part 10."""
    with path.open("rb") as file:
        return file.read(len(PREAMBLE)).endswith(b"DICM")


def may_be_bare(start: bytes) -> bool:
    """Return whether a file starts as one without preamble does, in group 2 or 8."""
    if len(start) < 4:
        return False
    (group, element), (big_group, big_element) = struct.unpack("<HH", start[:4]), struct.unpack(">HH", start[:4])
    return (group in {_META, _IDENTIFYING} and element <= _INSTANCE) or (
        big_group == _IDENTIFYING and big_element <= _INSTANCE
    )


def as_part10(data: bytes) -> bytes:
    """Return the whole of a file with the preamble and the meta information that it should have.

    Raises
    ------
    ValueError
        If it is not DICOM, or does not tell what it is.
    """
    if data[: len(PREAMBLE)].endswith(b"DICM"):
        return data
    if data[:2] == struct.pack("<H", _META) and data[4:6].isalpha():
        return PREAMBLE + data
    if may_be_bare(data[:4]):
        for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
            found = _first_elements(data, syntax)
            kind = found.get(_CLASS, "")
            if kind.startswith(_STORED):
                return _with_meta(data, syntax, kind, found.get(_INSTANCE, ""))
    raise ValueError(f"{MISSING}, and its first elements do not tell what it is; add it, for example with dcmconv")


def open_part10(path: Path) -> BinaryIO:
    """Open a file for reading as part 10 has it: the file itself, or its content in memory where it lacks something.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it is not DICOM, or does not tell what it is.
    """
    file = path.open("rb")
    try:
        is_whole = file.read(len(PREAMBLE)).endswith(b"DICM")
        file.seek(0)
        if is_whole:
            return file
        with file:
            return BytesIO(as_part10(file.read()))
    except BaseException:
        file.close()
        raise


def read_elements(path: Path, keywords: Iterable[str] | None = None) -> Dataset:
    """Read all of a file but its pixels, or only some elements.

    Raises
    ------
    Exception
        One of ``DAMAGE`` if it cannot be read.
    """
    wanted = None if keywords is None else [*keywords]
    with open_part10(path) as file:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=wanted)


def read_meta(path: Path) -> FileMetaDataset:
    """Read the meta information of a file, or what would be in it.

    Raises
    ------
    Exception
        One of ``DAMAGE`` if the file is damaged.
    """
    if is_dicom(path):
        return read_file_meta_info(path)
    with open_part10(path) as file:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"]).file_meta


def sop_class(found: Dataset) -> UID:
    """Return what kind of object a data set is; anonymisers drop the one in the meta information."""
    return UID(text(found.file_meta, "MediaStorageSOPClassUID") or text(found, "SOPClassUID"))


def read_kind(path: Path) -> UID:
    """Read what kind of object a file holds.

    Raises
    ------
    Exception
        One of ``DAMAGE`` if the file is damaged.
    """
    meta = read_meta(path)
    kind = UID(text(meta, "MediaStorageSOPClassUID"))
    if kind or meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return kind
    with open_part10(path) as file:
        return sop_class(pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"]))


def _first_elements(data: bytes, syntax: UID) -> dict[int, str]:
    """Return the elements of group 8 up to SOPInstanceUID as text; none if one of them cannot be."""
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    found: dict[int, str] = {}
    at, last = 0, -1
    for _ in range(_MOST_ELEMENTS):
        head = data[at : at + 12]
        if len(head) < 8:
            return {}
        group, element = struct.unpack(order + "HH", head[:4])
        if group != _IDENTIFYING or element <= last:
            return {} if at == 0 or element <= last else found
        last = element
        if element > _INSTANCE:
            return found
        size = 8
        if syntax == ImplicitVRLittleEndian:
            (length,) = struct.unpack("<L", head[4:8])
        elif not (head[4:6].isalpha() and head[4:6].isupper()):
            return {}
        elif head[4:6] in _LONG:
            size = 12
            (length,) = struct.unpack(order + "L", head[8:12].ljust(4, b"\0"))
        else:
            (length,) = struct.unpack(order + "H", head[6:8])
        if length > _LONGEST:
            return {}
        at += size
        found[element] = data[at : at + length].decode("ascii", "replace").strip("\0 ")
        at += length
    return found


def _with_meta(data: bytes, syntax: UID, kind: str, instance: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(kind), UID(instance or "1.2")
    meta.TransferSyntaxUID = syntax
    stream = DicomBytesIO()
    write_file_meta_info(stream, meta)
    return PREAMBLE + stream.getvalue() + data
