"""Checks that the files of one series agree and can be read, before its geometry is measured."""

from collections.abc import Iterator, Sequence

from pydicom.pixels import get_decoder
from pydicom.uid import UID

from nnunet_cipa.dicom.files import ENHANCED, IMAGES
from nnunet_cipa.dicom.headers import Header
from nnunet_cipa.errors import CIPAError

MOST_PIXELS = 4096
_SAME = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "sop_class_uid": "SOPClassUID",
    "rows": "Rows",
    "columns": "Columns",
}
_NEEDED = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "sop_instance_uid": "SOPInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "position": "ImagePositionPatient",
    "orientation": "ImageOrientationPatient",
    "pixel_spacing": "PixelSpacing",
}


def check_headers(name: str, headers: Sequence[Header], *, grid_only: bool = False) -> None:
    """Refuse a series whose files disagree, lack attributes or cannot be decoded.

    Parameters
    ----------
    name
        The series in words, for errors.
    headers
        Of its files.
    grid_only
        Whether nothing but the geometry is wanted: the pixels may be in any coding then, and PatientID may be empty.

    Raises
    ------
    CIPAError
        With the first fault found, and the number of files that have it.
    """
    for header in headers:
        if header.sop_class_uid in ENHANCED or header.frames != 1:
            raise CIPAError(
                f"{header.path}: is multi-frame ({UID(header.sop_class_uid).name}, {header.frames} frames); export "
                "the series as single slices, one file each"
            )
        if not grid_only and header.fault is not None:
            raise CIPAError(f"{header.path}: {header.fault}")
        if header.sop_class_uid != IMAGES.get(header.modality):
            raise CIPAError(
                f"{header.path}: Modality is {header.modality or 'missing'}, but it is stored as "
                f"{UID(header.sop_class_uid).name}; export it again"
            )
    if len(headers) < 2:
        raise CIPAError(f"{name}: {headers[0].path} is its only slice; a volume needs two or more, export all of them")
    for fault in (*_missing(headers, grid_only=grid_only), *_disagreeing(headers), *_doubled(headers)):
        raise CIPAError(f"{name}: {fault}")
    for header in headers:
        _check_size(header)
    for syntax in sorted({header.transfer_syntax_uid for header in headers} if not grid_only else ()):
        _check_decoder(name, UID(syntax))


def _missing(headers: Sequence[Header], *, grid_only: bool) -> Iterator[str]:
    for field, keyword in _NEEDED.items():
        if grid_only and field == "patient_id":
            continue
        without = [header.path for header in headers if getattr(header, field) in {None, ""}]
        if without:
            yield (
                f"{keyword} is missing or unreadable in {len(without)} of {len(headers)} files, such as {without[0]}; "
                "enter it, or export them again"
            )


def _disagreeing(headers: Sequence[Header]) -> Iterator[str]:
    for field, keyword in _SAME.items():
        first: dict[object, Header] = {}
        for header in headers:
            first.setdefault(getattr(header, field), header)
        if len(first) > 1:
            (value, one), (other_value, other) = list(first.items())[:2]
            yield (
                f"{keyword} is {value} in {one.path} and {other_value} in {other.path}; one series has one, so "
                "correct it, or remove the files of the other"
            )


def _doubled(headers: Sequence[Header]) -> Iterator[str]:
    first: dict[str, Header] = {}
    for header in headers:
        other = first.setdefault(header.sop_instance_uid, header)
        if other is not header:
            yield f"{header.path} and {other.path} are the same instance {header.sop_instance_uid}; keep one"


def _check_size(header: Header) -> None:
    if not (2 <= header.rows <= MOST_PIXELS and 2 <= header.columns <= MOST_PIXELS):
        raise CIPAError(
            f"{header.path}: {header.columns} x {header.rows} pixels; 2 to {MOST_PIXELS} each way can be read, export "
            "it so"
        )


def _check_decoder(name: str, syntax: UID) -> None:
    remedy = "decompress the files, for example with gdcmconv --raw, or install python-gdcm"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise CIPAError(
            f"{name}: no decoder is known for transfer syntax {syntax} ({syntax.name}); {remedy}"
        ) from error
    if not decoder.is_available:
        raise CIPAError(f"{name}: coded as {syntax.name}, for which no decoder is installed; {remedy}")
