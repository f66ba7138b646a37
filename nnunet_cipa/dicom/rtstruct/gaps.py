"""Slices of a region that were left out when it was drawn, as when the interpolation between contours was never run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
# Two lesions may lie over each other. Contours that overlap and are as close are of one.
NEAR_MM = 6.0
# Contours that are farther apart are of two, however they were drawn.
FAR_MM = 30.0
# What contours of one lesion have in common at least, of the smaller one.
LEAST_COMMON = 1 / 3
# What the larger of two contours has at least, of the region's largest: specks that thresholds leave do not count.
LEAST_AREA = 0.1
EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Gap:
    """Slices that were left out: those below and above, the region's window, and its part in that on either of them."""

    low: int
    high: int
    window: tuple[slice, slice]
    below: Mask
    above: Mask

    @property
    def slices(self) -> range:
        """The slices between."""
        return range(self.low + 1, self.high)


@dataclass(frozen=True)
class _Link:
    """A part of the region on one slice, and what follows above it on another."""

    low: int
    high: int
    below: Mask
    above: Mask

    @property
    def skips(self) -> int:
        return self.high - self.low - 1


def find_gaps(mask: NDArray[np.generic], step_mm: float) -> tuple[Gap, ...]:
    """Find where slices were left out between contours of one lesion.

    Each part of the region on a slice is followed to the nearest slice above on which the region overlaps with it, at
    most ``FAR_MM`` away. Where that is not the next slice, there are slices left out if

    - it is the next but one, or not farther than ``NEAR_MM``;
    - most parts are followed like that, as in a region that was drawn on every third slice;
    - it is so on both sides of a contour, which is then a lesion of one slice between two others, or part of one.

    Else they are two lesions.

    Parameters
    ----------
    mask
        (slices, rows, columns); what is not zero is inside.
    step_mm
        Distance of the slices.
    """
    inside = np.asarray(mask) != 0
    if not inside.any():
        return ()
    (window,) = ndimage.find_objects(inside.any(axis=0).astype(np.uint8))
    rows, columns = window
    links = _links(inside[:, rows, columns], step_mm)
    skipping = [link for link in links if link.skips]
    spaced = len(skipping) > len(links) / 2
    tops = [(link.high, link.above) for link in skipping]
    bottoms = [(link.low, link.below) for link in skipping]
    return tuple(
        Gap(link.low, link.high, window, link.below, link.above)
        for link in skipping
        if spaced
        or link.skips == 1
        or (link.skips + 1) * step_mm <= NEAR_MM
        or _met(link.low, link.below, tops)
        or _met(link.high, link.above, bottoms)
    )


def fill_gaps(mask: NDArray[np.uint8], gaps: Sequence[Gap], pixel_mm: tuple[float, float]) -> NDArray[np.uint8]:
    """Draw the slices that were left out, each between the shapes below and above it.

    The signed distance to the outline, in mm, goes linearly from one shape to the other (S. P. Raya and J. K. Udupa,
    Shape-based interpolation of multidimensional objects, IEEE Trans. Med. Imaging 9, 1990).

    Parameters
    ----------
    mask
        (slices, rows, columns), 0 and 1.
    gaps
        What ``find_gaps`` gives for it.
    pixel_mm
        Distance of rows and of columns.
    """
    filled = mask.copy()
    for gap in gaps:
        below, above = (_signed_distance(part, pixel_mm) for part in (gap.below, gap.above))
        rows, columns = gap.window
        for k in gap.slices:
            share = (k - gap.low) / (gap.high - gap.low)
            filled[k, rows, columns] |= ((1 - share) * below + share * above >= 0).astype(np.uint8)
    return filled


def _links(inside: Mask, step_mm: float) -> list[_Link]:
    levels = np.flatnonzero(inside.any(axis=(1, 2)))
    least = LEAST_AREA * max(_largest(inside[k]) for k in levels)
    links = []
    for k in levels:
        parts, count = ndimage.label(inside[k], EIGHT)
        for part in (parts == number for number in range(1, count + 1)):
            link = _above(inside, int(k), part, step_mm)
            if link is not None and max(np.count_nonzero(link.below), np.count_nonzero(link.above)) >= least:
                links.append(link)
    return links


def _above(inside: Mask, k: int, part: Mask, step_mm: float) -> _Link | None:
    """Return what follows a part of slice ``k`` on the nearest slice above."""
    farthest = min(len(inside) - 1, k + max(2, int(FAR_MM / step_mm)))
    for high in range(k + 1, farthest + 1):
        common = inside[high] & part
        if common.any():
            parts, _ = ndimage.label(inside[high], EIGHT)
            above = np.isin(parts, np.unique(parts[common]))
            if high > k + 1 and (inside[high - 1] & above).any():
                return None
            smaller = min(np.count_nonzero(part), np.count_nonzero(above))
            wide = np.count_nonzero(common) >= LEAST_COMMON * smaller
            return _Link(k, high, part, above) if wide or high == k + 1 else None
    return None


def _largest(inside: Mask) -> int:
    parts, _ = ndimage.label(inside, EIGHT)
    return int(np.bincount(parts.ravel())[1:].max())


def _met(k: int, part: Mask, ends: Sequence[tuple[int, Mask]]) -> bool:
    return any(level == k and (part & other).any() for level, other in ends)


def _signed_distance(part: Mask, pixel_mm: tuple[float, float]) -> NDArray[np.float64]:
    # A border, so that what fills the window has an outside
    inside = np.pad(part, 1)
    away = ndimage.distance_transform_edt(inside, pixel_mm) - ndimage.distance_transform_edt(~inside, pixel_mm)
    distances: NDArray[np.float64] = away[1:-1, 1:-1]
    return distances
