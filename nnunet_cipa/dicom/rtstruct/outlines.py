"""From the mask of one slice to closed polygons and keyholes, whose rasterisation is that mask again."""

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

Polygon = NDArray[np.float64]
# Of a pixel: more than what writing decimals and reading them back changes, and less than a reader's tolerance.
INWARDS = 0.02


def outlines(mask: NDArray[np.generic]) -> list[Polygon]:
    """Outline the regions and the holes of a mask.

    The vertices lie halfway between pixels inside and pixels outside, that is all coordinates are multiples of a half,
    and no edge comes closer than 0.35 pixels to the centre of a pixel. So the polygons, rasterised by any rule that
    takes pixels by their centres and combined by exclusive or, give the mask back. Regions that touch only at a corner
    get polygons of their own, which do not touch: none intersects itself or another.

    Parameters
    ----------
    mask
        (rows, columns); what is not zero is inside. It may touch the border.

    Returns
    -------
    list of ndarray
        A polygon for each region and each hole, (points, 2) as continuous column and row index. The first point is not
        repeated. The columns and rows of the pixels' centres are integers from 0.
    """
    inside = np.asarray(mask) != 0
    if not inside.any():
        return []
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    top, left = rows[0], columns[0]
    # A border of one pixel, so that each outline is closed
    framed = np.pad(inside[top : rows[-1] + 1, left : columns[-1] + 1], 1).astype(np.float64)
    found = find_contours(framed, 0.5, fully_connected="low")
    return [_corners(polygon[:-1, ::-1] + (left - 1.0, top - 1.0)) for polygon in found]


def keyholes(polygons: list[Polygon]) -> list[Polygon]:
    """Join each hole to what surrounds it by a channel of no width, as structure sets do.

    The channel runs between two rows of pixels, away from their centres, and is gone through in both directions. So a
    region with holes becomes one polygon with the same rasterisation.

    Parameters
    ----------
    polygons
        What ``outlines`` gives.

    Returns
    -------
    list of ndarray
        A polygon for each region, in the same coordinates.
    """
    joined = [polygon for polygon in polygons if _is_region(polygon)]
    holes = [(polygon, _topmost_left(polygon)) for polygon in polygons if not _is_region(polygon)]
    # To the left of a hole's topmost point lies the region's border or a hole that comes earlier in this order.
    for hole, start in sorted(holes, key=lambda item: tuple(item[0][item[1]][::-1])):
        entry = hole[start]
        hits = [_hit_to_the_left(polygon, entry) for polygon in joined]
        target = int(np.argmax([column for column, _ in hits]))
        column, edge = hits[target]
        door = np.array([(column, entry[1])])
        loop = np.roll(hole, -start, axis=0)
        outer = joined[target]
        parts = (outer[: edge + 1], door, loop, loop[:1], door, outer[edge + 1 :])
        joined[target] = _without_repeats(np.concatenate(parts))
    return joined


def inwards(polygons: list[Polygon], mask: NDArray[np.generic], shift: float = INWARDS) -> list[Polygon]:
    """Move the vertices of outlines or keyholes towards the inside.

    Halfway between two pixels a reader that rounds to whole pixels takes the outer one. Every vertex lies halfway
    between two pixels along one axis, or, where a channel leaves an edge, along both; it moves along that axis to the
    one that is inside, and an edge as its two ends do.

    Parameters
    ----------
    polygons
        What ``outlines`` or ``keyholes`` gives.
    mask
        What they were made of.
    shift
        In pixels, below a quarter.
    """
    inside = np.pad(np.asarray(mask) != 0, 1)
    return [polygon + shift * _way_in(polygon, inside) for polygon in polygons]


def _way_in(polygon: Polygon, inside: NDArray[np.bool_]) -> Polygon:
    """Direction of each vertex to the pixel that is inside: one of column and row is 1 or -1, the other 0."""
    low = np.floor(polygon).astype(np.intp) + 1  # in the padded mask
    between = polygon % 1 != 0
    along = np.where(between[:, :1], (1, 0), (0, 1))
    high = low + along
    here, beyond = inside[low[:, 1], low[:, 0]], inside[high[:, 1], high[:, 0]]
    way: Polygon = along * (beyond.astype(np.float64) - here)[:, None]
    return way


def _corners(polygon: Polygon) -> Polygon:
    """Drop the points in the middle of straight runs."""
    before, after = (polygon - np.roll(polygon, 1, axis=0), np.roll(polygon, -1, axis=0) - polygon)
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return polygon[turns]


def _without_repeats(polygon: Polygon) -> Polygon:
    return polygon[(polygon != np.roll(polygon, 1, axis=0)).any(axis=1)]


def _is_region(polygon: Polygon) -> bool:
    # find_contours keeps high values on one side, so regions and holes run in opposite senses.
    columns, rows = polygon.T
    return bool(np.dot(columns, np.roll(rows, -1)) - np.dot(rows, np.roll(columns, -1)) > 0)


def _topmost_left(polygon: Polygon) -> int:
    return int(np.lexsort(polygon.T)[0])


def _hit_to_the_left(polygon: Polygon, point: NDArray[np.float64]) -> tuple[float, int]:
    """Return the nearest column at which the polygon crosses the point's row left of it, and the edge that does."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    step = end - start
    level = step[:, 1] == 0
    along = np.where(level, 0.0, (point[1] - start[:, 1]) / np.where(level, 1.0, step[:, 1]))
    columns = np.where(level, np.maximum(start[:, 0], end[:, 0]), start[:, 0] + along * step[:, 0])
    crosses = np.where(level, start[:, 1] == point[1], (along >= 0) & (along <= 1)) & (columns < point[0])
    columns = np.where(crosses, columns, -np.inf)
    nearest = int(np.argmax(columns))
    return float(columns[nearest]), nearest
