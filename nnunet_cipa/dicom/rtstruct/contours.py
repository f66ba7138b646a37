"""Between contours in mm and masks on a grid."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dicom.rtstruct.raster import Patch, fill
from nnunet_cipa.errors import CIPAError, refuse

Points = NDArray[np.float64]
# Of the slice distance. Positions rounded to 0.1 mm are within it for slices of 0.5 mm; contours halfway are not.
PLANE_TOLERANCE = 0.2
# Below the precision of any contour: points meant for the centre of a pixel are there, whatever the axes.
DECIMALS = 6
# From the centre of the last pixel to its outer side, and what rounding of coordinates adds
BORDER = 0.51
LEAST_OVERLAP = 0.05


def contours_to_mask(contours: Sequence[Points], grid: sitk.Image, name: str) -> sitk.Image:
    """Rasterise closed planar contours.

    A pixel is inside a contour if its centre is, or lies on the line. The contours of a slice are combined by exclusive
    or, so that a contour within another is a hole; a keyhole is one as well.

    Parameters
    ----------
    contours
        Each (points, 3), mm (LPS).
    grid
        Image with the wanted size, spacing, origin and direction; its slices may have any orientation.
    name
        What errors call the contours, such as ``file: ROI 'IGTV'``. Contours are counted from 1.

    Returns
    -------
    sitk.Image
        uint8, 0 and 1, on the grid.

    Raises
    ------
    CIPAError
        If a contour has fewer than three points, a coordinate that is not finite, points outside the image, or is not
        in the plane of a slice (by ``PLANE_TOLERANCE`` of the slice distance); if two contours are equal or overlap in
        part, for which exclusive or would be a guess; if there is no voxel inside.
    """
    refuse(f"{name}: {fault}" for fault in map(_fault_of_points, contours, _numbers(contours)) if fault)
    indices = [_continuous_index(points, grid) for points in contours]
    size = grid.GetSize()
    faults = (_fault_of_place(i, size, n) for n, i in zip(_numbers(contours), indices, strict=True))
    refuse(f"{name}: {fault}" for fault in faults if fault)
    slices: dict[int, list[tuple[int, Patch]]] = {}
    for number, index in zip(_numbers(contours), indices, strict=True):
        slices.setdefault(_slice_of(index), []).append((number, fill(index[:, :2])))
    refuse(f"{name}: {fault}" for k, drawn in slices.items() for fault in _overlaps(drawn, k))
    mask = np.zeros(size[::-1], dtype=np.uint8)
    for k, drawn in slices.items():
        for _, patch in drawn:
            mask[k][patch.window] ^= patch.inside
    if not mask.any():
        raise CIPAError(f"{name}: its {len(contours)} contours hold no voxel; draw it, or choose another ROI")
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    return image


def to_mm(polygons: Sequence[Points], k: int, grid: sitk.Image) -> list[Points]:
    """Place polygons of continuous (column, row) index on slice ``k`` of a grid: (points, 3) each, mm (LPS)."""
    steps = _steps(grid)
    origin = np.asarray(grid.GetOrigin()) + steps[:, 2] * k
    return [points @ steps[:, :2].T + origin for points in polygons]


def _numbers(contours: Sequence[Points]) -> range:
    return range(1, len(contours) + 1)


def _steps(grid: sitk.Image) -> NDArray[np.float64]:
    """Columns: the way in mm from one voxel to the next along each axis."""
    return np.reshape(grid.GetDirection(), (3, 3)) * np.asarray(grid.GetSpacing())


def _continuous_index(points: Points, grid: sitk.Image) -> Points:
    # What TransformPhysicalPointToContinuousIndex does, for all points at once
    index = np.linalg.solve(_steps(grid), (points - np.asarray(grid.GetOrigin())).T).T
    return np.round(index, DECIMALS)


def _slice_of(index: Points) -> int:
    return round(float(np.median(index[:, 2])))


def _fault_of_points(points: Points, number: int) -> str | None:
    if len(points) < 3:
        return f"contour {number} has {len(points)} points, and a closed contour has at least 3; correct or remove it"
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        return f"point {row + 1} of contour {number} is {points[row].tolist()}, which is not finite; export it again"
    return None


def _fault_of_place(index: Points, size: tuple[int, ...], number: int) -> str | None:
    where = index[:, 2]
    low, high = float(where.min()), float(where.max())
    if high - low > PLANE_TOLERANCE:
        return (
            f"contour {number} is not parallel to the slices: it goes from slice {low:.2f} to {high:.2f}; "
            "draw it on these slices, or give those on which it was drawn"
        )
    k = _slice_of(index)
    off = max(abs(low - k), abs(high - k))
    if off > PLANE_TOLERANCE:
        return (
            f"contour {number} lies between slices, at {low:.2f} counted from 0, and {off:.2f} of a slice distance off "
            f"is more than {PLANE_TOLERANCE}; give the images on which it was drawn"
        )
    if not 0 <= k < size[2]:
        return f"contour {number} lies on slice {k}, and the image has 0 to {size[2] - 1}; give the whole series"
    least, most = index[:, :2].min(axis=0), index[:, :2].max(axis=0)
    if (least < -BORDER).any() or (most > np.add(size[:2], BORDER - 1)).any():
        reach = f"columns {least[0]:.2f} to {most[0]:.2f} and rows {least[1]:.2f} to {most[1]:.2f}"
        return (
            f"contour {number} leaves the image: it reaches over {reach}, and the image has {size[0]} x {size[1]} "
            "pixels; give the images on which it was drawn"
        )
    return None


def _overlaps(drawn: list[tuple[int, Patch]], k: int) -> list[str]:
    faults = []
    for (number, patch), (other_number, other) in combinations(drawn, 2):
        common, areas = patch.common_area(other), (patch.area, other.area)
        if LEAST_OVERLAP < common / max(min(areas), 1) < 1 - LEAST_OVERLAP or 0 < common == max(areas):
            faults.append(
                f"contours {number} and {other_number} share {common} of their {areas[0]} and {areas[1]} pixels of "
                f"slice {k}, so what lies inside is in doubt; unite them, or remove one, in the planning system"
            )
    return faults
