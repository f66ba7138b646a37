"""Longest diameter of a lesion."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist


def longest_diameter(inside: NDArray[np.bool_], spacing: tuple[float, ...]) -> float:
    """Return the longest distance of two points of the surface, half-way between voxels inside and outside.

    Parameters
    ----------
    inside
        (z, y, x), not empty.
    spacing
        In mm along x, y, z.

    Notes
    -----
    The hull of the surface mesh is that of the ends of all lines of voxels, which take less time and memory.
    """
    steps = np.asarray(spacing[::-1])
    points = np.concatenate([_ends(inside, axis) for axis in range(3)]) * steps
    hull = points[ConvexHull(points).vertices]
    return float(pdist(hull).max())


def _ends(inside: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Return where lines of voxels along an axis begin and end (n, 3), in voxels."""
    lines = np.moveaxis(inside, axis, -1)
    there = np.argwhere(lines.any(axis=-1))
    place = tuple(there.T)
    first = lines.argmax(axis=-1)[place] - 0.5
    last = lines.shape[-1] - lines[..., ::-1].argmax(axis=-1)[place] - 0.5
    return np.concatenate([np.insert(there.astype(np.float64), axis, end, axis=1) for end in (first, last)])
