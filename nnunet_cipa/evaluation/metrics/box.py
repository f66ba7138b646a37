"""The part of an image that masks take up, which is small: time and memory follow it and not the image."""

import numpy as np
from numpy.typing import NDArray


def box_around(*masks: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the smallest box that holds all masks; the first voxel if they are empty."""
    union = np.logical_or.reduce(masks)
    place: list[slice] = []
    for axis in range(union.ndim):
        there = np.flatnonzero(union.any(axis=tuple(other for other in range(union.ndim) if other != axis)))
        part = slice(int(there[0]), int(there[-1]) + 1) if there.size else slice(0, 1)
        place.append(part)
        # each axis leaves less to look at for the next
        union = union[(slice(None),) * axis + (part,)]
    return tuple(place)
