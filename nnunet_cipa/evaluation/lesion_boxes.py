"""Lesions of a mask, each in its box: 18-connected components, as in the autoPET challenge."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from nnunet_cipa.evaluation.metrics.box import box_around
from nnunet_cipa.evaluation.metrics.lesions import NEIGHBOURHOOD


@dataclass(frozen=True)
class LesionBox:
    """A lesion.

    Attributes
    ----------
    place
        The smallest box that holds it, (z, y, x) of the mask.
    inside
        Its voxels in that box; other lesions in it are left out.
    """

    place: tuple[slice, slice, slice]
    inside: NDArray[np.bool_]


def find_lesions(mask: NDArray[np.bool_]) -> list[LesionBox]:
    """Find the lesions of a mask (z, y, x), the largest first; those of one size in the order of their slices."""
    return sorted(_boxes(mask), key=lambda lesion: -np.count_nonzero(lesion.inside))


def _boxes(mask: NDArray[np.bool_]) -> Iterator[LesionBox]:
    # Numbers take four bytes per voxel, so they are given where lesions are: an empty slice is between two lesions
    runs, _ = label(mask.any(axis=(1, 2)))
    for (run,) in find_objects(runs):
        around = box_around(mask[run])
        numbers, _ = label(mask[run][around], NEIGHBOURHOOD)
        corner = [run.start, around[1].start, around[2].start]
        for number, box in enumerate(find_objects(numbers), 1):
            z, y, x = (slice(low + part.start, low + part.stop) for low, part in zip(corner, box, strict=True))
            yield LesionBox((z, y, x), numbers[box] == number)
