"""Fills one polygon on a grid of pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ON_LINE = 1e-9


@dataclass(frozen=True)
class Patch:
    """The pixels of a polygon: ``inside`` is a mask whose first pixel is (``top``, ``left``) in the image."""

    top: int
    left: int
    inside: NDArray[np.bool_]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns in the image."""
        rows, columns = self.inside.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.inside))

    def common_area(self, other: "Patch") -> int:
        """Return the number of pixels that two patches share."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        # A negative stop would count from the end
        parts = (p.inside[top - p.top :, left - p.left :] for p in (self, other))
        mine, its = parts
        rows, columns = (min(lengths) for lengths in zip(mine.shape, its.shape, strict=True))
        return int(np.count_nonzero(mine[:rows, :columns] & its[:rows, :columns]))


def fill(polygon: NDArray[np.float64]) -> Patch:
    """Take the pixels whose centres lie in a polygon, by the even-odd rule, or on its line.

    The rule is that of ``skimage.draw.polygon2mask``, which compares each pixel with each edge; this goes by the rows
    that each edge crosses, so that the outline of a body takes milliseconds. A centre is inside if a ray to its right
    or one to its left meets an odd number of edges, or if it is a vertex. Where two edges coincide, as in the channel
    of a keyhole, they cancel.

    Parameters
    ----------
    polygon
        (points, 2), continuous column and row index; the last point is joined to the first.
    """
    low, high = np.ceil(polygon.min(axis=0) - ON_LINE), np.floor(polygon.max(axis=0) + ON_LINE)
    columns, rows = np.maximum(high - low + 1, 0).astype(np.int64)
    left, top = low.astype(np.int64)
    if rows == 0 or columns == 0:
        return Patch(int(top), int(left), np.zeros((rows, columns), dtype=bool))
    start = polygon - low
    end = np.roll(start, -1, axis=0)
    inside = _odd(start, end, _from, (rows, columns)) | _odd(start, end, _after, (rows, columns))
    nearest = np.round(start)
    column, row = nearest[(np.abs(start - nearest) <= ON_LINE).all(axis=1)].astype(np.int64).T
    inside[row, column] = True
    return Patch(int(top), int(left), inside)


def _from(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """First integer that is not below a value."""
    return np.ceil(values - ON_LINE).astype(np.int64)


def _after(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """First integer above a value."""
    return np.floor(values + ON_LINE).astype(np.int64) + 1


def _odd(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    first: Callable[[NDArray[np.float64]], NDArray[np.int64]],
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """Tell which pixels have an odd number of edges to their left; ``first`` says which ends and crossings count."""
    low, high = first(np.minimum(start, end)[:, 1]), first(np.maximum(start, end)[:, 1])
    counts = high - low
    edge = np.repeat(np.arange(len(start)), counts)
    row = low[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    way = end[edge] - start[edge]
    crossing = start[edge, 0] + (row - start[edge, 1]) * way[:, 0] / way[:, 1]
    rows, columns = shape
    column = np.clip(first(crossing), 0, columns)
    flips = np.bincount(row * (columns + 1) + column, minlength=rows * (columns + 1))
    return np.cumsum(flips.reshape(rows, columns + 1), axis=1)[:, :columns] % 2 == 1
