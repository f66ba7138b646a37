"""Fills one polygon on a grid of pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of a pixel: as far from a centre a line counts as through it. Rounding to float32 or to 1e-4 mm is within that.
ON_LINE = 1e-4
# The same for contours that follow the lattice of the centres, as programs trace them round masks: there what is meant
# is beyond doubt, and coordinates are often rounded to 0.01 mm.
ON_LATTICE_LINE = 1e-2
LATTICE_SHARE = 0.75
# A line bounds a half plane and a corner of 45 degrees or more a wedge; one of these ways leads into it
WAYS = np.array([(x * a, y * b) for a, b in ((1.0, 0.4), (0.4, 1.0)) for x in (1, -1) for y in (1, -1)])


@dataclass(frozen=True)
class Patch:
    """The pixels of a polygon, in a window whose first pixel is (``top``, ``left``) in the image.

    Attributes
    ----------
    top, left
        Place of the window.
    beside
        (8, rows, columns), whether the points beside each centre, in eight directions, are inside.
    corners
        (rows, columns), the centres that are corners of the polygon.
    """

    top: int
    left: int
    beside: NDArray[np.bool_]
    corners: NDArray[np.bool_]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """The centres that lie in the polygon or on its line."""
        closed: NDArray[np.bool_] = self.beside.any(axis=0) | self.corners
        return closed

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns in the image."""
        rows, columns = self.corners.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)


def fill(polygon: NDArray[np.float64], shape: tuple[int, int]) -> Patch:
    """Take the pixels whose centres lie in a polygon, by the even-odd rule, or on its line.

    The rule is that of ``skimage.draw.polygon2mask``, which compares each pixel with each edge; this goes by the rows
    that each edge crosses, so that the outline of a body takes milliseconds. A centre is inside if a point beside it
    is, in whatever direction, or if it is a corner. Where two edges coincide, as in the channel of a keyhole, they
    cancel. How far beside is what ``line_tolerance`` gives.

    Parameters
    ----------
    polygon
        (points, 2), continuous column and row index; the last point is joined to the first.
    shape
        Rows and columns of the image; what lies beyond is left out.
    """
    tolerance = line_tolerance(polygon)
    low = np.maximum(np.ceil(polygon.min(axis=0) - tolerance), 0)
    high = np.minimum(np.floor(polygon.max(axis=0) + tolerance), np.subtract(shape[::-1], 1))
    columns, rows = np.maximum(high - low + 1, 0).astype(np.int64)
    left, top = low.astype(np.int64)
    start = polygon - low
    corners = np.zeros((rows, columns), dtype=bool)
    if rows == 0 or columns == 0:
        return Patch(int(top), int(left), np.zeros((len(WAYS), rows, columns), dtype=bool), corners)
    beside = np.stack([_odd(start - tolerance * way, (rows, columns)) for way in WAYS])
    nearest = np.round(start)
    near = (np.abs(start - nearest) <= tolerance) & (nearest >= 0) & (nearest < (columns, rows))
    column, row = nearest[near.all(axis=1)].astype(np.int64).T
    corners[row, column] = True
    return Patch(int(top), int(left), beside, corners)


def line_tolerance(polygon: NDArray[np.float64]) -> float:
    """Return how far from a pixel's centre, in pixels, a polygon's line counts as through it.

    It is more for polygons of which one coordinate or the other is nearly always that of a centre, or halfway between
    two: they were traced round pixels, so that what is off is rounding.
    """
    off = np.abs(2 * polygon - np.round(2 * polygon)) / 2
    traced = (off <= ON_LATTICE_LINE).mean(axis=0) >= LATTICE_SHARE
    return ON_LATTICE_LINE if traced.any() else ON_LINE


def _odd(start: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which pixels have an odd number of edges to their left."""
    end = np.roll(start, -1, axis=0)
    rows, columns = shape
    bounds = np.clip(np.ceil((start[:, 1], end[:, 1])), 0, rows).astype(np.int64)
    low, counts = bounds.min(axis=0), np.abs(bounds[1] - bounds[0])
    edge = np.repeat(np.arange(len(start)), counts)
    row = low[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    way = end[edge] - start[edge]
    crossing = start[edge, 0] + (row - start[edge, 1]) * way[:, 0] / way[:, 1]
    column = np.clip(np.ceil(crossing), 0, columns).astype(np.int64)
    flips = np.bincount(row * (columns + 1) + column, minlength=rows * (columns + 1))
    return np.cumsum(flips.reshape(rows, columns + 1), axis=1)[:, :columns] % 2 == 1
