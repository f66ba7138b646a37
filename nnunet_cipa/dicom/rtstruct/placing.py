"""Puts contours in mm onto the slices of a grid, and tells which do not fit there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dicom.rtstruct.combine import Drawn
from nnunet_cipa.errors import PROBLEMS_SHOWN, refuse

Points = NDArray[np.float64]
# Of the slice distance. Positions rounded to 0.1 mm are within it for slices of 0.5 mm; contours halfway are not.
PLANE_TOLERANCE = 0.2
# From the centre of the last pixel to its outer side, and what rounding of coordinates adds
BORDER = 0.51
# No coordinates of a scanner's frame are larger.
FARTHEST_MM = 1e5
# Of a pixel: points that are so near to one straight line enclose nothing.
FLAT = 1e-3


@dataclass(frozen=True)
class Contour:
    """A closed planar contour: its number in the file, from 1, its points in mm (LPS), whether of CLOSEDPLANAR_XOR."""

    number: int
    points: Points
    exclusive: bool = False


@dataclass(frozen=True)
class Placed:
    """The contours of each slice, and what the user should know of those that were left out or cut, a sentence each."""

    slices: dict[int, list[Drawn]]
    notes: tuple[str, ...]


def place(contours: Sequence[Contour], grid: sitk.Image, name: str, *, may_leave: bool) -> Placed:
    """Find the slice and the place in pixels of each contour (see ``rasterise``).

    Raises
    ------
    CIPAError
        If a contour has fewer than three points, a coordinate that is not finite, points outside the image, or is not
        in the plane of a slice.
    """
    refuse(f"{name}: {fault}" for fault in map(_fault_of_points, contours) if fault)
    columns, rows, depth = grid.GetSize()
    places = [(contour, _continuous_index(contour.points, grid)) for contour in contours]
    flat = [contour.number for contour, index in places if _is_flat(index[:, :2])]
    beyond = [contour.number for contour, index in places if may_leave and not 0 <= _slice_of(index) < depth]
    kept = [(contour, index) for contour, index in places if contour.number not in {*flat, *beyond}]
    leaving = [contour.number for contour, index in kept if _leaves(index, (columns, rows))]
    faults = [(contour.number, _fault_of_plane(index, depth)) for contour, index in kept]
    if not may_leave:
        faults += [(contour.number, _reach(index, (columns, rows))) for contour, index in kept
                   if contour.number in leaving]  # fmt: skip
    refuse(f"{name}: contour {number} {fault}" for number, fault in faults if fault)
    slices: dict[int, list[Drawn]] = {}
    for contour, index in kept:
        slices.setdefault(_slice_of(index), []).append(Drawn(contour.number, index[:, :2], contour.exclusive))
    notes = (
        (f"left out, as all its points lie on one line: {numbered(flat)}", flat),
        (f"left out, as it lies beyond the first or the last slice: {numbered(beyond)}", beyond),
        (f"cut where it leaves the image: {numbered(leaving)}", leaving),
    )
    return Placed(slices, tuple(note for note, about in notes if about))


def steps(grid: sitk.Image) -> NDArray[np.float64]:
    """Columns: the way in mm from one voxel to the next along each axis."""
    return np.reshape(grid.GetDirection(), (3, 3)) * np.asarray(grid.GetSpacing())


def numbered(numbers: Iterable[object], what: str = "contour") -> str:
    """Name contours, or what else there is, by their numbers, the first few of many."""
    found = list(numbers)
    more = f" and {len(found) - PROBLEMS_SHOWN} more" if len(found) > PROBLEMS_SHOWN else ""
    return f"{what} {', '.join(map(str, found[:PROBLEMS_SHOWN]))}{more}"


def _continuous_index(points: Points, grid: sitk.Image) -> Points:
    # What TransformPhysicalPointToContinuousIndex does, for all points at once
    index: Points = np.linalg.solve(steps(grid), (points - np.asarray(grid.GetOrigin())).T).T
    return index


def _slice_of(index: Points) -> int:
    return round(float(np.median(index[:, 2])))


def _is_flat(polygon: Points) -> bool:
    """Tell whether all points are within ``FLAT`` of one line; single values of the points about their mean tell."""
    off = polygon - polygon.mean(axis=0)
    return bool(np.linalg.svd(off, compute_uv=False)[1] <= FLAT)


def _leaves(index: Points, size: tuple[int, int]) -> bool:
    least, most = index[:, :2].min(axis=0), index[:, :2].max(axis=0)
    return bool((least < -BORDER).any() or (most > np.add(size, BORDER - 1)).any())


def _fault_of_points(contour: Contour) -> str | None:
    points, number = contour.points, contour.number
    if len(points) < 3:
        return f"contour {number} has {len(points)} points, and a closed contour has at least 3; correct or remove it"
    near = (np.abs(points) <= FARTHEST_MM).all(axis=1)
    if not near.all():
        row = int(np.flatnonzero(~near)[0])
        why = "farther away than scanners reach" if np.isfinite(points[row]).all() else "not finite"
        return f"point {row + 1} of contour {number} is {points[row].tolist()}, which is {why}; export it again"
    return None


def _fault_of_plane(index: Points, depth: int) -> str | None:
    where = index[:, 2]
    low, high = float(where.min()), float(where.max())
    if high - low > PLANE_TOLERANCE:
        return (
            f"is not parallel to the slices: it goes from slice {low:.2f} to {high:.2f}; "
            "draw it on these slices, or give those on which it was drawn"
        )
    k = _slice_of(index)
    off = max(abs(low - k), abs(high - k))
    if off > PLANE_TOLERANCE:
        return (
            f"lies between slices, at {low:.2f} counted from 0, and {off:.2f} of a slice distance off "
            f"is more than {PLANE_TOLERANCE}; give the images on which it was drawn"
        )
    if not 0 <= k < depth:
        return f"lies on slice {k}, and the image has 0 to {depth - 1}; give the whole series"
    return None


def _reach(index: Points, size: tuple[int, int]) -> str:
    least, most = index[:, :2].min(axis=0), index[:, :2].max(axis=0)
    return (
        f"leaves the image: it reaches over columns {least[0]:.2f} to {most[0]:.2f} and rows {least[1]:.2f} to "
        f"{most[1]:.2f}, and the image has {size[0]} x {size[1]} pixels; give the images on which it was drawn"
    )
