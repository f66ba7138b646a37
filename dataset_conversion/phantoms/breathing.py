"""Breathing of the phantom: what moves, how far, and what a phase of the cycle looks like.

Lungs, diaphragm, heart and upper abdomen move along z as one field that falls from the diaphragm to the apex; rib cage,
spine and the rest of the mediastinum stay. The course over the cycle is that of Lujan et al., Med. Phys. 26 (1999) 715,
equation 1 with n = 2: z(t) = z0 - b cos^4(pi t / T), longest at the end of expiration.
"""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms.anatomy import Thorax, organs
from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid, occupancy
from nnunet_cipa.dataset_conversion.phantoms.imaging import Breathing, count_noise, point_spread

PHASES = 10
# A lesion may grow 4 mm into the wall and moves with the lung; ribs start at 5 mm.
WALL = 4.5


def course(phase: float) -> float:
    """Part of the travel by which the diaphragm is above its lowest point; phase 0 and 1 are the end of inspiration."""
    return float(1 - np.cos(np.pi * phase) ** 4)


def travel_field(thorax: Thorax, breathing: Breathing, grid: PhantomGrid) -> FloatArray:
    """Peak-to-peak travel in mm of the tissue at every voxel."""
    fields = organs(thorax, grid)
    moving = np.minimum.reduce(
        [fields.cavity - np.float32(WALL), fields.heart - 2, np.maximum(fields.abdomen, fields.body + 25)]
    )
    part = occupancy(np.maximum(moving, 3 - fields.spine), max(grid.spacing[1:]))
    travel: FloatArray = part * np.float32(breathing.travel) * breathing.share(grid.axes()[0])
    return travel


def shifts(travel: FloatArray, start: float) -> Iterator[FloatArray]:
    """Yield how far (mm, upwards) the tissue is from where it is at phase ``start``, for phases over one cycle.

    The first is that of ``start`` itself: zero everywhere.
    """
    for step in range(PHASES):
        yield travel * np.float32(course(start + step / PHASES) - course(start))


def displaced(volume: FloatArray, shift: FloatArray, grid: PhantomGrid) -> FloatArray:
    """Return a volume whose content is moved upwards by ``shift`` (mm, at the target), linear between slices."""
    count = grid.shape[0]
    rows = np.arange(count, dtype=np.float32)[:, None, None]
    source = np.clip(rows - shift / np.float32(grid.spacing[0]), 0, count - 1)
    below = np.minimum(source.astype(np.intp), count - 2)
    weight = source - below
    low = np.take_along_axis(volume, below, axis=0)
    high = np.take_along_axis(volume, below + 1, axis=0)
    moved: FloatArray = low + weight * (high - low)
    return moved


def over_cycle(
    uptake: FloatArray, tumour: FloatArray, travel: FloatArray, start: float, grid: PhantomGrid
) -> tuple[FloatArray, FloatArray]:
    """Return the mean uptake over a cycle, and the greatest fraction of each voxel that is tumour at any phase.

    Parameters
    ----------
    uptake, tumour
        SUV and fraction of tumour at phase ``start``.
    travel
        From ``travel_field``.
    start
        Phase of the CT, 0 to 1.
    grid
        Of all three.
    """
    total = np.zeros_like(uptake)
    swept = tumour.copy()
    for shift in shifts(travel, start):
        total += displaced(uptake, shift, grid)
        np.maximum(swept, displaced(tumour, shift, grid), out=swept)
    return total / np.float32(PHASES), swept


def scan_pet(mean_uptake: FloatArray, grid: PhantomGrid, own: PhantomGrid, rng: np.random.Generator) -> FloatArray:
    """Image the mean uptake (SUV) by PET: point spread, the scanner's ``own`` coarser grid, noise."""
    blurred = point_spread(mean_uptake, grid)
    positions = [
        (axis.ravel() - np.float32(origin)) / np.float32(step)
        for axis, origin, step in zip(own.axes(), grid.origin, grid.spacing, strict=True)
    ]
    coarse = ndimage.map_coordinates(blurred, np.meshgrid(*positions, indexing="ij"), order=1, mode="nearest")
    return count_noise(coarse.astype(np.float32), rng)
