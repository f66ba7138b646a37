"""What the scanners make of the phantom: CT noise; PET with breathing, point spread, noise and a coarse grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .phantom_geometry import FloatArray, Grid

PSF_FWHM = 6.0
PET_SPACING = (3.3, 3.6, 3.6)
FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
CT_WINDOW = (-1200.0, -200.0)
SUV_WINDOW = (0.0, 12.0)


@dataclass(frozen=True)
class Breathing:
    """Breathing blur of the PET: peak-to-peak travel in mm at the diaphragm, none at the apex."""

    travel: float
    diaphragm: float
    apex: float


def image_ct(density: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add reconstruction noise (25 HU, correlated between neighbouring pixels) to a density volume in HU."""
    noise = ndimage.gaussian_filter(rng.standard_normal(density.shape, dtype=np.float32), (0, 0.7, 0.7))
    noisy: FloatArray = density + noise * np.float32(25 / noise.std())
    return noisy


def image_pet(uptake: FloatArray, grid: Grid, breathing: Breathing, rng: np.random.Generator) -> FloatArray:
    """Image an uptake volume (SUV) by PET and bring it back to the same grid by linear interpolation."""
    sigma = [PSF_FWHM / FWHM_PER_SIGMA / s for s in grid.spacing]
    blurred = ndimage.gaussian_filter(_breathe(uptake, grid, breathing), sigma)
    native = [max(2, int(np.ceil(n * s / p))) for n, s, p in zip(grid.shape, grid.spacing, PET_SPACING, strict=True)]
    coarse = ndimage.zoom(
        blurred, [m / n for m, n in zip(native, grid.shape, strict=True)], order=1, grid_mode=True, mode="nearest"
    )
    counts = np.sqrt(0.02 + 0.03 * np.clip(coarse, 0, None)).astype(np.float32)
    noise = ndimage.gaussian_filter(rng.standard_normal(coarse.shape, dtype=np.float32), 0.6)
    coarse = np.clip(coarse + counts * noise / noise.std(), 0, None)
    back = [n / m for m, n in zip(coarse.shape, grid.shape, strict=True)]
    image: FloatArray = ndimage.zoom(coarse, back, order=1, grid_mode=True, mode="nearest")
    return image


def to_grey(volume: FloatArray, window: tuple[float, float]) -> NDArray[np.uint8]:
    """Clip to a window and scale it to 0..255."""
    low, high = window
    return np.rint((np.clip(volume, low, high) - low) * np.float32(255 / (high - low))).astype(np.uint8)


def _breathe(uptake: FloatArray, grid: Grid, breathing: Breathing) -> FloatArray:
    """Blur along z by a box as wide as the travel, which falls linearly from the diaphragm to the apex."""
    width = max(1, round(breathing.travel / grid.spacing[0]))
    moved = ndimage.uniform_filter1d(uptake, width, axis=0, mode="nearest")
    height = grid.axes()[0]
    share = np.clip((breathing.apex - height) / np.float32(breathing.apex - breathing.diaphragm), 0, 1)
    blend: FloatArray = uptake + share * (moved - uptake)
    return blend
