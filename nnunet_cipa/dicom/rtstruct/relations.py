"""Relations of two closed contours of a slice: within, apart, overlapping in part, or drawn twice."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage.measure import points_in_poly

Polygon = NDArray[np.float64]
# All lengths are in pixels. Lines are looked at by points this far apart.
SAMPLE = 0.25
# Lines that come closer touch.
TOUCH = 0.05
# Contours that are as close to each other all along, and on average, were drawn twice. The lines of a ring of one pixel
# are not: they are 0.7 to 1 pixels apart.
TWICE, TWICE_ON_AVERAGE = 1.5, 0.6
LEAST_ALIKE = 0.5
# A hole may touch what surrounds it with this part of its line; with more it is a piece that was drawn again.
MOST_TOUCHING = 0.1


class Relation(Enum):
    """How one contour lies to another; along: within it or around it, but with more of its line than a hole has."""

    APART = "apart"
    WITHIN = "within"
    AROUND = "around"
    WITHIN_ALONG = "within, along the line"
    AROUND_ALONG = "around, along the line"
    TWICE = "drawn twice"
    ACROSS = "overlapping in part"


@dataclass(frozen=True)
class Line:
    """A closed polygon, (points, 2) in pixels, with what is asked of it again and again."""

    polygon: Polygon

    @cached_property
    def box(self) -> NDArray[np.float64]:
        """Lowest and highest column and row."""
        return np.array([self.polygon.min(axis=0), self.polygon.max(axis=0)])

    @cached_property
    def samples(self) -> Polygon:
        """Points all along the line, (points, 2)."""
        way = np.roll(self.polygon, -1, axis=0) - self.polygon
        counts = np.maximum(np.ceil(np.hypot(*way.T) / SAMPLE), 1).astype(np.int64)
        edge = np.repeat(np.arange(len(counts)), counts)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
        points: Polygon = self.polygon[edge] + way[edge] * (step / counts[edge])[:, None]
        return points

    @cached_property
    def tree(self) -> KDTree:
        """To find the nearest sample."""
        return KDTree(self.samples)

    @property
    def area(self) -> float:
        """Area that a line without crossings encloses."""
        x, y = self.polygon.T
        return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def relate(one: Line, other: Line) -> Relation:
    """Return how one contour lies to another, by their lines and not by the pixels that they hold.

    Contours that share a part of their lines, but nothing that they enclose, are apart.
    """
    if (one.box[0] > other.box[1]).any() or (other.box[0] > one.box[1]).any():
        return Relation.APART
    away, back = _distances(one, other), _distances(other, one)
    inside, outside = _sides(one, other, away)
    other_inside, other_outside = _sides(other, one, back)
    within, around = not outside.any(), not other_outside.any()
    overlap = inside.any() or other_inside.any() or within or around
    if not overlap:
        return Relation.APART
    areas = sorted((one.area, other.area))
    close = all(one.max() <= TWICE + TOUCH and one.mean() <= TWICE_ON_AVERAGE for one in (away, back))
    if close and areas[0] >= LEAST_ALIKE * areas[1]:
        return Relation.TWICE
    if within:
        return Relation.WITHIN if inside.mean() >= 1 - MOST_TOUCHING else Relation.WITHIN_ALONG
    if around:
        return Relation.AROUND if other_inside.mean() >= 1 - MOST_TOUCHING else Relation.AROUND_ALONG
    return Relation.ACROSS


def _distances(one: Line, other: Line) -> NDArray[np.float64]:
    """How far each sample of one line is from the other line."""
    distances: NDArray[np.float64] = other.tree.query(one.samples)[0]
    # To the nearest of points that are at most SAMPLE apart, so up to half of that along the line
    return np.sqrt(np.maximum(distances**2 - (SAMPLE / 2) ** 2, 0))


def _sides(one: Line, other: Line, away: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which samples of one line are clearly inside the other, and which are clearly outside."""
    inside, clear = points_in_poly(one.samples, other.polygon), away > TOUCH
    return inside & clear, ~inside & clear
