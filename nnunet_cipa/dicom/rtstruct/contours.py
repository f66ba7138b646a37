"""Between contours in mm and masks on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dicom.rtstruct.combine import Pair, combine
from nnunet_cipa.dicom.rtstruct.placing import Contour, Points, numbered, place, steps
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Raster:
    """A mask and how it was made.

    Attributes
    ----------
    mask
        uint8, (slices, rows, columns).
    notes
        What the user should know, a sentence each.
    bare
        Slices with a contour that passes between the voxels' centres.
    """

    mask: NDArray[np.uint8]
    notes: tuple[str, ...]
    bare: frozenset[int]


def contours_to_mask(contours: Sequence[Points], grid: sitk.Image, name: str) -> sitk.Image:
    """Rasterise closed planar contours (see ``rasterise``), each (points, 3) in mm (LPS), to an image.

    Returns
    -------
    sitk.Image
        uint8, 0 and 1, on the grid.

    Raises
    ------
    CIPAError
        As ``rasterise`` does, and if there is no voxel inside.
    """
    found = rasterise([Contour(number, points) for number, points in enumerate(contours, 1)], grid, name)
    return mask_image(found.mask, grid, f"{name}: its {len(contours)} contours")


def mask_image(mask: NDArray[np.uint8], grid: sitk.Image, name: str) -> sitk.Image:
    """Make an image of a mask on a grid.

    Raises
    ------
    CIPAError
        If the mask is empty.
    """
    if not mask.any():
        raise CIPAError(f"{name} hold no voxel; draw it, or choose another ROI")
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    return image


def rasterise(contours: Sequence[Contour], grid: sitk.Image, name: str, *, may_leave: bool = False) -> Raster:
    """Rasterise closed planar contours.

    A pixel is inside a contour if its centre is, or lies on the line. ``combine`` tells how those of a slice go
    together.

    Parameters
    ----------
    contours
        Of one region.
    grid
        Image with the wanted size, spacing, origin and direction; its slices may have any orientation.
    name
        What errors call the contours, such as ``file: ROI 'IGTV'``.
    may_leave
        Whether the region may go on where the image ends, as a heart does in a scan of the upper chest. What lies
        beyond is left out.

    Raises
    ------
    CIPAError
        If a contour has fewer than three points, a coordinate that is not finite, points outside the image, or is not
        in the plane of a slice (by ``PLANE_TOLERANCE`` of the slice distance); if ``combine`` is in doubt.
    """
    placed = place(contours, grid, name, may_leave=may_leave)
    columns, rows, depth = grid.GetSize()
    mask = np.zeros((depth, rows, columns), dtype=np.uint8)
    twice: list[Pair] = []
    across: list[Pair] = []
    rims: list[Pair] = []
    for k, drawn in placed.slices.items():
        try:
            found = combine(drawn, (rows, columns))
        except CIPAError as error:
            raise CIPAError(f"{name}: {error}") from error
        mask[k] = found.inside
        twice += found.twice
        across += found.across
        rims += found.rims
    notes = (
        (f"taken once, as it was drawn twice, exactly or nearly: {_pairs(twice)}", twice),
        (f"united, as it overlaps with another in part: {_pairs(across)}", across),
        (f"a hole that leaves little more than a rim: {_pairs(rims, 'in')}", rims),
    )
    bare = frozenset(int(k) for k in placed.slices if not mask[k].any())
    return Raster(mask, (*placed.notes, *(note for note, pairs in notes if pairs)), bare)


def to_mm(polygons: Sequence[Points], k: int, grid: sitk.Image) -> list[Points]:
    """Place polygons of continuous (column, row) index on slice ``k`` of a grid: (points, 3) each, mm (LPS)."""
    way = steps(grid)
    origin = np.asarray(grid.GetOrigin()) + way[:, 2] * k
    return [points @ way[:, :2].T + origin for points in polygons]


def _pairs(pairs: Sequence[Pair], how: str = "with") -> str:
    return numbered(f"{first} {how} {second}" for first, second in pairs)
