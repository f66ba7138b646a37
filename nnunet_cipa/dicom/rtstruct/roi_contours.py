"""The contours of one region of a structure set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE, items, text
from nnunet_cipa.dicom.rtstruct.file import damaged
from nnunet_cipa.dicom.rtstruct.placing import Contour, Points, numbered
from nnunet_cipa.dicom.rtstruct.structures import StructureRoi, StructureSet
from nnunet_cipa.errors import CIPAError

# Words for outlines that enclose what they go round, as letters alone; text without a type is taken for one.
_CLOSED = {"CLOSEDPLANAR", "CLOSEDPLANARXOR", "INTERPOLATEDPLANAR", ""}
_EXCLUSIVE = {"CLOSEDPLANARXOR"}
_USUAL = {"CLOSEDPLANAR", "CLOSEDPLANARXOR"}
# Points and lines, which enclose nothing.
_OPEN = {"POINT", "OPENPLANAR", "OPENNONPLANAR"}
_LEAST_POINTS = 3


@dataclass(frozen=True)
class RawContour:
    """A contour as it is in the file: ContourGeometricType, ContourData as bytes, and NumberOfContourPoints."""

    kind: str
    data: bytes | None
    count: Any


@dataclass(frozen=True)
class ClosedContours:
    """The closed contours of a region, and what the user should know of the others, a sentence each."""

    contours: tuple[Contour, ...]
    notes: tuple[str, ...]


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

    def closed(self, *, may_be_empty: bool = False) -> ClosedContours:
        """Read the contours that enclose something; points, lines and contours of two points at most are left out.

        Parameters
        ----------
        may_be_empty
            Whether a region without contours, such as an organ outside of the scan, is in order.

        Raises
        ------
        CIPAError
            If there is none, one is of an unknown kind, or its numbers are damaged.
        """
        if self.lists > 1:
            raise CIPAError(f"{self.name} has {self.lists} lists of contours; export it again")
        if not self.raw and not may_be_empty:
            raise CIPAError(f"{self.name} is empty: it has no contour; draw it, or choose another ROI with --roi")
        try:
            kept, stray, unusual = self._sorted()
        except DAMAGE as error:
            raise damaged(self.path, error) from error
        if not kept and not may_be_empty:
            held = numbered(f"{number} {why}" for number, why in stray.items())
            raise CIPAError(f"{self.name} encloses nothing: {held}; draw it, or choose another ROI with --roi")
        notes = (
            (f"left out, as it encloses nothing: {numbered(f'{n} {why}' for n, why in stray.items())}", stray),
            *((f"taken as closed: {numbered(of_kind)} ({kind})", of_kind) for kind, of_kind in unusual.items()),
        )
        return ClosedContours(kept, tuple(note for note, about in notes if about))

    def _sorted(self) -> tuple[tuple[Contour, ...], dict[int, str], dict[str, list[int]]]:
        """Return the closed contours, of the others by number why they are none, and numbers by unusual kind."""
        kept: list[Contour] = []
        stray: dict[int, str] = {}
        unusual: dict[str, list[int]] = {}
        for number, raw in enumerate(self.raw, 1):
            kind = "".join(c for c in raw.kind.upper() if c.isalpha())
            if kind in _OPEN:
                stray[number] = f"({raw.kind})"
                continue
            name = f"{self.name}: contour {number}"
            if kind not in _CLOSED:
                raise CIPAError(f"{name} is {raw.kind}, which is not known here; export it as CLOSED_PLANAR")
            if raw.data is None and raw.count is None:
                raise CIPAError(f"{name} has neither points nor a number of them; remove it, or export it again")
            coordinates = _coordinates(raw, name)
            if len(coordinates) < 3 * _LEAST_POINTS and int(raw.count or 0) < _LEAST_POINTS:
                stray[number] = f"({len(coordinates) // 3} points)"
                continue
            kept.append(Contour(number, _points(coordinates, raw.count, name), kind in _EXCLUSIVE))
            if kind not in _USUAL:
                unusual.setdefault(raw.kind or "without a type", []).append(number)
        return tuple(kept), stray, unusual


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


def read_contours(structures: StructureSet, roi: StructureRoi) -> list[Points]:
    """Return the points of each closed contour of one region, (points, 3) in mm (see ``RoiContours.closed``)."""
    return [contour.points for contour in roi_contours(structures, roi).closed().contours]


def _raw(contour: Dataset) -> RawContour:
    # As bytes: to make pydicom's decimal strings of them takes a hundred times as long
    data = contour.get_item("ContourData")
    count = contour.get("NumberOfContourPoints")
    return RawContour(text(contour, "ContourGeometricType"), None if data is None else data.value, count)


def _coordinates(contour: RawContour, name: str) -> Points:
    try:
        return np.array(contour.data.split(b"\\") if contour.data else []).astype(np.float64)
    except ValueError as error:
        raise CIPAError(f"{name} holds what is not a number ({error}); export it again") from error


def _points(coordinates: Points, count: Any, name: str) -> Points:
    if len(coordinates) % 3 or (count is not None and len(coordinates) != 3 * int(count)):
        raise CIPAError(f"{name} has {len(coordinates)} coordinates for {count} points; export it again")
    return coordinates.reshape(-1, 3)
