"""Segmentations: what a DICOM SEG holds, and which images it belongs to; its pixels are still in the file."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from nnunet_cipa.dicom.attributes import DAMAGE, count, first_line, number, numbers, text, tolerant, words
from nnunet_cipa.dicom.described import Description, describe
from nnunet_cipa.dicom.files import SEG, STRUCTURES
from nnunet_cipa.dicom.headers import read_attributes
from nnunet_cipa.dicom.nesting import fault_of_nesting
from nnunet_cipa.dicom.part10 import as_part10, read_kind
from nnunet_cipa.dicom.series.geometry import ORTHONORMAL_TOLERANCE
from nnunet_cipa.errors import CIPAError

BINARY, FRACTIONAL, LABEL_MAP = "BINARY", "FRACTIONAL", "LABELMAP"
MOST_FRAMES = 1 << 16
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """One segment; ``algorithm`` is SegmentAlgorithmType."""

    number: int
    name: str
    algorithm: str


@dataclass(frozen=True)
class Frames:
    """Where the frames of a file are.

    Attributes
    ----------
    segments
        (n,) number of the segment of each; 0 for all segments at once.
    positions
        (n, 3) centre of each one's first pixel, mm (LPS).
    orientations
        (n, 6) direction along a row, then down a column.
    spacings
        (n, 2) mm from row to row, then from column to column.
    declared_step
        SpacingBetweenSlices in mm, or None.
    thickness
        SliceThickness in mm, or None.
    """

    segments: NDArray[np.int64]
    positions: Vectors
    orientations: Vectors
    spacings: Vectors
    declared_step: float | None
    thickness: float | None


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
        for one in _items(file, "SegmentSequence")
    )
    groups: list[Dataset] = []
    fault = None
    frames = _frames(path, groups, kind)
    try:
        groups = _groups(path, file)
        frames = _frames(path, groups, kind)
        _check_segments(path, kind, segments, frames)
    except CIPAError as error:
        fault = str(error)
    images = {uid for one in groups for uid in _sources(one)}
    referenced = _items(file, "ReferencedSeriesSequence")
    more = (image for one in referenced for image in _items(one, "ReferencedInstanceSequence"))
    images |= {text(image, "ReferencedSOPInstanceUID") for image in more} - {""}
    elsewhere = _items(file, "StudiesContainingOtherReferencedInstancesSequence")
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


def _items(holder: Dataset, keyword: str) -> list[Dataset]:
    return list(holder.get(keyword) or [])


def _groups(path: Path, file: Dataset) -> list[Dataset]:
    """Return the functional groups of each frame, those that all share among them."""
    own = _items(file, "PerFrameFunctionalGroupsSequence")
    if len(own) != count(file, "NumberOfFrames", 1) or len(own) > MOST_FRAMES:
        raise CIPAError(
            f"{path}: tells of {len(own)} frames and holds {count(file, 'NumberOfFrames', 1)}; export it again"
        )
    shared = (_items(file, "SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for one in own:
        for element in shared:
            if element.tag not in one:
                one[element.tag] = element
    return own


def _sources(group: Dataset) -> Iterator[str]:
    for derivation in _items(group, "DerivationImageSequence"):
        for source in _items(derivation, "SourceImageSequence"):
            if uid := text(source, "ReferencedSOPInstanceUID"):
                yield uid


def _frames(path: Path, groups: list[Dataset], kind: str) -> Frames:
    positions, orientations, spacings, segments = [], [], [], []
    for index, group in enumerate(groups, 1):
        place = _one(group, "PlanePositionSequence", "ImagePositionPatient", 3)
        turn = _one(group, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
        spacing = _one(group, "PixelMeasuresSequence", "PixelSpacing", 2)
        if place is None or turn is None or spacing is None or min(spacing) <= 0:
            raise CIPAError(f"{path}: frame {index} does not say where it is in the patient; export it again")
        rows, columns = np.array(turn[:3]), np.array(turn[3:])
        if max(abs(rows @ rows - 1), abs(columns @ columns - 1), abs(rows @ columns)) > 2 * ORTHONORMAL_TOLERANCE:
            raise CIPAError(f"{path}: the axes of frame {index} are not at right angles; export it again")
        positions.append(place)
        orientations.append(turn)
        spacings.append(spacing)
        segments.append(0 if kind == LABEL_MAP else _segment_of(group))
    measures = _items(groups[0], "PixelMeasuresSequence") if groups else []
    step, thickness = (
        number(measures[0], name) if measures else None for name in ("SpacingBetweenSlices", "SliceThickness")
    )
    return Frames(
        segments=np.array(segments, dtype=np.int64),
        positions=np.reshape(np.array(positions, dtype=np.float64), (-1, 3)),
        orientations=np.reshape(np.array(orientations, dtype=np.float64), (-1, 6)),
        spacings=np.reshape(np.array(spacings, dtype=np.float64), (-1, 2)),
        declared_step=abs(step) if step and np.isfinite(step) else None,
        thickness=thickness if thickness and 0 < thickness < np.inf else None,
    )


def _one(group: Dataset, sequence: str, keyword: str, length: int) -> tuple[float, ...] | None:
    items = _items(group, sequence)
    return numbers(items[0], keyword, length) if items else None


def _segment_of(group: Dataset) -> int:
    items = _items(group, "SegmentIdentificationSequence")
    return count(items[0], "ReferencedSegmentNumber", -1) if items else -1
