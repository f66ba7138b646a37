"""Segmentations: what a DICOM SEG holds, and which images it belongs to; its pixels are still in the file."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from nnunet_cipa.dicom.attributes import DAMAGE, count, first_line, items, text, tolerant, words
from nnunet_cipa.dicom.described import Description, describe
from nnunet_cipa.dicom.files import SEG, STRUCTURES
from nnunet_cipa.dicom.headers import read_attributes
from nnunet_cipa.dicom.nesting import fault_of_nesting
from nnunet_cipa.dicom.part10 import as_part10, read_kind
from nnunet_cipa.dicom.seg.functional_groups import Frames, frames_of, functional_groups, source_images
from nnunet_cipa.errors import CIPAError

BINARY, FRACTIONAL, LABEL_MAP = "BINARY", "FRACTIONAL", "LABELMAP"


@dataclass(frozen=True)
class Segment:
    """One segment; ``algorithm`` is SegmentAlgorithmType."""

    number: int
    name: str
    algorithm: str


@dataclass(frozen=True)
class Segmentation:
    """A SEG that was read up to its pixels.

    Attributes
    ----------
    path, sha256
        Of the file.
    described
        What it says of itself.
    kind
        ``BINARY``, ``FRACTIONAL`` or ``LABELMAP``.
    most
        The value of a pixel that is wholly inside, for ``FRACTIONAL``.
    patient_id, frame_of_reference_uid
        As in the file.
    study_uids, referenced_series_uids, image_uids
        Of what it was segmented on, as far as it says.
    segments
        In the file's order.
    frames
        Where they are.
    file
        Its attributes but for the frames'.
    fault
        Why no mask can be made of it.
    """

    path: Path
    sha256: str
    described: Description
    kind: str
    most: float
    patient_id: str
    frame_of_reference_uid: str
    study_uids: frozenset[str]
    referenced_series_uids: frozenset[str]
    image_uids: frozenset[str]
    segments: tuple[Segment, ...]
    frames: Frames = field(repr=False, compare=False)
    file: Dataset = field(repr=False, compare=False)
    fault: str | None = None


def read_segmentation(path: Path) -> Segmentation:
    """Read a SEG up to its pixels.

    What keeps it from being a mask, such as frames that do not say where they are, is its ``fault``: a patient may have
    segmentations of other things.

    Raises
    ------
    CIPAError
        If it is damaged or another kind of file.
    """
    try:
        with tolerant():
            _refuse_other_kinds(path)
            fault = read_attributes(path)[1]
            if fault is not None:
                raise CIPAError(f"{path}: {fault}")
            data = path.read_bytes()
            whole = as_part10(data)
            stream = BytesIO(whole)
            file = pydicom.dcmread(stream, stop_before_pixels=True)
            syntax = file.file_meta.TransferSyntaxUID
            # Fragments of compressed pixels are items without elements, of which read_attributes sees that they end
            nesting = fault_of_nesting(whole[: stream.tell()] if syntax.is_encapsulated else whole, syntax)
            nesting = nesting or _fault_of_length(file, whole, stream.tell())
            if nesting is not None:
                raise ValueError(nesting)
            return _segmentation(path, file, hashlib.sha256(data).hexdigest())
    except DAMAGE as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: BaseException) -> CIPAError:
    """Return the error that says of a SEG what could not be read."""
    return CIPAError(f"{path}: cannot be read as SEG ({first_line(error)}); export it again")


def _refuse_other_kinds(path: Path) -> None:
    kind = read_kind(path)
    if STRUCTURES.get(kind) != SEG:
        raise CIPAError(f"{path}: is not a SEG but {kind.name or 'of no kind'}; give the segmentation")


def _segmentation(path: Path, file: Dataset, sha256: str) -> Segmentation:
    kind = "".join(words(file, "SegmentationType"))
    segments = tuple(
        Segment(count(one, "SegmentNumber", 0), text(one, "SegmentLabel"), "".join(words(one, "SegmentAlgorithmType")))
        for one in items(file, "SegmentSequence")
    )
    groups: list[Dataset] = []
    fault = None
    frames = frames_of(path, groups, by_segment=kind != LABEL_MAP)
    try:
        groups = functional_groups(path, file)
        frames = frames_of(path, groups, by_segment=kind != LABEL_MAP)
        _check_segments(path, kind, segments, frames)
    except CIPAError as error:
        fault = str(error)
    images = {uid for one in groups for uid in source_images(one)}
    referenced = items(file, "ReferencedSeriesSequence")
    more = (image for one in referenced for image in items(one, "ReferencedInstanceSequence"))
    images |= {text(image, "ReferencedSOPInstanceUID") for image in more} - {""}
    elsewhere = items(file, "StudiesContainingOtherReferencedInstancesSequence")
    studies = {text(one, "StudyInstanceUID") for one in elsewhere}
    described, patient, frame = describe(file, SEG), text(file, "PatientID"), text(file, "FrameOfReferenceUID")
    file.pop("PerFrameFunctionalGroupsSequence", None)
    return Segmentation(
        path=path,
        sha256=sha256,
        described=described,
        kind=kind,
        most=float(count(file, "MaximumFractionalValue", 255)),
        patient_id=patient,
        frame_of_reference_uid=frame,
        study_uids=frozenset({described.study_uid, *studies} - {""}),
        referenced_series_uids=frozenset({text(one, "SeriesInstanceUID") for one in referenced} - {""}),
        image_uids=frozenset(images),
        segments=segments,
        frames=frames,
        file=file,
        fault=fault,
    )


def _check_segments(path: Path, kind: str, segments: Sequence[Segment], frames: Frames) -> None:
    if kind not in {BINARY, FRACTIONAL, LABEL_MAP}:
        raise CIPAError(f"{path}: SegmentationType is {kind or 'missing'}; give one that is {BINARY}")
    of = [segment.number for segment in segments]
    twice = sorted({one for one in of if of.count(one) > 1})
    if twice:
        raise CIPAError(f"{path}: several segments have the number {twice[0]}; export it again")
    lost = np.flatnonzero(~np.isin(frames.segments, of))
    if kind != LABEL_MAP and len(lost):
        raise CIPAError(f"{path}: frame {lost[0] + 1} is of none of its {len(of)} segments; export it again")


def _fault_of_length(file: Dataset, data: bytes, at: int) -> str | None:
    """Return why pixels that are not compressed are not those of the frames, which more of them would shift."""
    syntax = file.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        return None
    head = 8 if syntax == ImplicitVRLittleEndian else 12
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    length = struct.unpack(f"{order}L", data[at + head - 4 : at + head])[0]
    bits = file.Rows * file.Columns * count(file, "NumberOfFrames", 1) * file.BitsAllocated
    expected = -(-bits // 8)
    return None if length in {expected, expected + expected % 2} else f"it has {length} bytes of pixels, not {expected}"
