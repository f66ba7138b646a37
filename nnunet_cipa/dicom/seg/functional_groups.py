"""Functional groups of a SEG: where its frames are, of which segment each is, and of which images it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import count, items, number, numbers, text
from nnunet_cipa.dicom.series.geometry import ORTHONORMAL_TOLERANCE
from nnunet_cipa.errors import CIPAError

MOST_FRAMES = 1 << 16
Vectors = NDArray[np.float64]


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


def functional_groups(path: Path, file: Dataset) -> list[Dataset]:
    """Return the functional groups of each frame, those that all share among them.

    Raises
    ------
    CIPAError
        If there are more or fewer than frames.
    """
    own = items(file, "PerFrameFunctionalGroupsSequence")
    if len(own) != count(file, "NumberOfFrames", 1) or len(own) > MOST_FRAMES:
        raise CIPAError(
            f"{path}: tells of {len(own)} frames and holds {count(file, 'NumberOfFrames', 1)}; export it again"
        )
    shared = (items(file, "SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for one in own:
        for element in shared:
            if element.tag not in one:
                one[element.tag] = element
    return own


def source_images(group: Dataset) -> Iterator[str]:
    """Give the SOPInstanceUIDs of the images that a frame was made of."""
    for derivation in items(group, "DerivationImageSequence"):
        for source in items(derivation, "SourceImageSequence"):
            if uid := text(source, "ReferencedSOPInstanceUID"):
                yield uid


def frames_of(path: Path, groups: list[Dataset], *, by_segment: bool) -> Frames:
    """Return where frames are, by their functional groups, and of which segment each is.

    Raises
    ------
    CIPAError
        If one does not say where it is.
    """
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
        segments.append(_segment_of(group) if by_segment else 0)
    measures = items(groups[0], "PixelMeasuresSequence") if groups else []
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
    found = items(group, sequence)
    return numbers(found[0], keyword, length) if found else None


def _segment_of(group: Dataset) -> int:
    found = items(group, "SegmentIdentificationSequence")
    return count(found[0], "ReferencedSegmentNumber", -1) if found else -1
