"""The body of the patient on a CT: a mask without couch, clothes and arms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TISSUE_ABOVE = -300.0
FINE_MM, COARSE_MM = 2.0, 4.0
SHEET_MM, BRIDGE_MM = 3.0, 20.0
LEAST_BODY_ML = 250.0


@dataclass(frozen=True)
class Body:
    """A mask of every n-th row and column of a CT, its volume, and n for rows and columns."""

    mask: NDArray[np.bool_]
    steps: tuple[int, int]
    millilitres: float


def find_body(hu: NDArray[Any], spacing: tuple[float, float, float]) -> Body:
    """Find the largest connected volume that is denser than air.

    Slice by slice, at every n-th row and column about 2 mm apart, what is denser than -300 HU is opened by a disc of
    3 mm, which takes away sheets such as the shells of couches but no chest wall, and its holes (lungs) are filled.
    At about 4 mm, an opening by 20 mm cuts the contact between arms and trunk; the largest connected volume is the
    patient. Memory is a few bytes for each voxel at 4 mm.

    Parameters
    ----------
    hu
        (z, y, x).
    spacing
        In mm, z, y, x.
    """
    fine = _steps(spacing[1:], FINE_MM)
    pixel = (spacing[1] * fine[0], spacing[2] * fine[1])
    thin = _steps(pixel, COARSE_MM)
    solid = np.stack([_solid(values[:: fine[0], :: fine[1]], pixel)[:: thin[0], :: thin[1]] for values in hu])
    steps = (fine[0] * thin[0], fine[1] * thin[1])
    pixel = (spacing[1] * steps[0], spacing[2] * steps[1])
    body = largest(_without_bridges(solid, pixel))
    millilitres = float(np.count_nonzero(body) * spacing[0] * pixel[0] * pixel[1] / 1000)
    return Body(body, steps, millilitres)


def _steps(pixel: tuple[float, float], distance: float) -> tuple[int, int]:
    return max(1, int(distance / pixel[0])), max(1, int(distance / pixel[1]))


def _solid(hu: NDArray[Any], pixel: tuple[float, float]) -> NDArray[np.bool_]:
    """Return what is dense on a slice, without sheets and with its holes filled."""
    reach = [int(SHEET_MM / length) for length in pixel]
    y, x = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    disc = (y * pixel[0]) ** 2 + (x * pixel[1]) ** 2 <= SHEET_MM**2
    # Outside the field of view the body may go on.
    eroded = ndimage.binary_erosion(hu > TISSUE_ABOVE, disc, border_value=1)
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(ndimage.binary_dilation(eroded, disc))
    return filled


def _without_bridges(mask: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.bool_]:
    """Open each slice by a rectangle."""
    size = (1, *(2 * int(BRIDGE_MM / length) + 1 for length in pixel))
    eroded = ndimage.minimum_filter(mask, size, mode="constant", cval=1)
    opened: NDArray[np.bool_] = ndimage.maximum_filter(eroded, size, mode="constant", cval=0)
    return opened


def largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest connected region; an empty mask stays empty."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = labels == sizes.argmax()
    return largest
