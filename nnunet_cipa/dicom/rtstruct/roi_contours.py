"""The contours of one region of a structure set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE, text
from nnunet_cipa.dicom.rtstruct.file import damaged, items
from nnunet_cipa.dicom.rtstruct.structures import StructureRoi, StructureSet
from nnunet_cipa.errors import CIPAError

# Both are closed outlines, combined by exclusive or; the second is the standard's newer word for that.
CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}


@dataclass(frozen=True)
class RawContour:
    """A contour as it is in the file: ContourGeometricType, ContourData as bytes, and NumberOfContourPoints."""

    kind: str
    data: bytes | None
    count: Any


@dataclass(frozen=True)
class RoiContours:
    """A region and its contours, of which nothing has been checked; they take the memory that they take in the file.

    Attributes
    ----------
    path, sha256
        Of the RTSTRUCT, as it was when it was read.
    roi
        The region.
    lists
        Number of lists of contours that the file has for it.
    raw
        The contours, in the file's order.
    """

    path: Path
    sha256: str
    roi: StructureRoi
    lists: int
    raw: tuple[RawContour, ...]

    @property
    def name(self) -> str:
        """The file and the region, for messages."""
        return f"{self.path}: ROI {self.roi.name!r}"

    def points(self, *, may_be_empty: bool = False) -> list[NDArray[np.float64]]:
        """Return the points of each contour: (points, 3), mm (LPS).

        Parameters
        ----------
        may_be_empty
            Whether a region without contours, such as an organ outside of the scan, is in order.

        Raises
        ------
        CIPAError
            If it has no contour, one is not closed and planar, or its numbers are damaged.
        """
        if self.lists > 1:
            raise CIPAError(f"{self.name} has {self.lists} lists of contours; export it again")
        if not self.raw and not may_be_empty:
            raise CIPAError(f"{self.name} is empty: it has no contour; draw it, or choose another ROI with --roi")
        try:
            return [_points(contour, f"{self.name}: contour {number}") for number, contour in enumerate(self.raw, 1)]
        except DAMAGE as error:
            raise damaged(self.path, error) from error


def roi_contours(structures: StructureSet, roi: StructureRoi) -> RoiContours:
    """Take the contours of one region from a structure set.

    Raises
    ------
    CIPAError
        If they are damaged.
    """
    try:
        found = items(structures.file, "ROIContourSequence")
        own = [item for item in found if text(item, "ReferencedROINumber") == str(roi.number)]
        raw = tuple(_raw(contour) for item in own for contour in items(item, "ContourSequence"))
    except DAMAGE as error:
        raise damaged(structures.path, error) from error
    return RoiContours(structures.path, structures.sha256, roi, len(own), raw)


def read_contours(
    structures: StructureSet, roi: StructureRoi, *, may_be_empty: bool = False
) -> list[NDArray[np.float64]]:
    """Return the points of each contour of one region (see ``RoiContours.points``)."""
    return roi_contours(structures, roi).points(may_be_empty=may_be_empty)


def _raw(contour: Dataset) -> RawContour:
    # As bytes: to make pydicom's decimal strings of them takes a hundred times as long
    data = contour.get_item("ContourData")
    count = contour.get("NumberOfContourPoints")
    return RawContour(text(contour, "ContourGeometricType"), None if data is None else data.value, count)


def _points(contour: RawContour, name: str) -> NDArray[np.float64]:
    if contour.kind not in CLOSED:
        kind = contour.kind or "of no type"
        raise CIPAError(f"{name} is {kind}, not CLOSED_PLANAR, and encloses nothing; remove it")
    if not contour.data:
        raise CIPAError(f"{name} has no points; remove it")
    try:
        numbers = np.array(contour.data.split(b"\\")).astype(np.float64)
    except ValueError as error:
        raise CIPAError(f"{name} holds what is not a number ({error}); export it again") from error
    count = contour.count
    if len(numbers) % 3 or (count is not None and len(numbers) != 3 * int(count)):
        raise CIPAError(f"{name} has {len(numbers)} coordinates for {count} points; export it again")
    return numbers.reshape(-1, 3)
