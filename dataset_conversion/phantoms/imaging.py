"""Imaging of the phantom: CT noise; PET with breathing, point spread, noise and a coarse grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid

PSF_FWHM = 6.0
PET_SPACING = (3.3, 3.6, 3.6)
FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
CT_WINDOW = (-1200.0, -200.0)
SUV_WINDOW = (0.0, 12.0)


@dataclass(frozen=True)
class Breathing:
    """Breathing along z: peak-to-peak travel in mm at the diaphragm, none at the apex (heights in mm)."""

    travel: float
    diaphragm: float
    apex: float

    def share(self, height: FloatArray) -> FloatArray:
        """Part of the travel at a height in mm: 1 at the diaphragm and below, falling linearly to 0 at the apex."""
        part: FloatArray = np.clip((self.apex - height) / np.float32(self.apex - self.diaphragm), 0, 1)
        return part


def image_ct(density: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add reconstruction noise (25 HU, correlated between neighbouring pixels) to a density volume in HU."""
    noise = ndimage.gaussian_filter(rng.standard_normal(density.shape, dtype=np.float32), (0, 0.7, 0.7))
    noisy: FloatArray = density + noise * np.float32(25 / noise.std())
    return noisy


def image_pet(uptake: FloatArray, grid: PhantomGrid, breathing: Breathing, rng: np.random.Generator) -> FloatArray:
    """Image an uptake volume (SUV) by PET and bring it back to the same grid by linear interpolation."""
    blurred = point_spread(_breathe(uptake, grid, breathing), grid)
    native = [max(2, int(np.ceil(n * s / p))) for n, s, p in zip(grid.shape, grid.spacing, PET_SPACING, strict=True)]
    coarse = ndimage.zoom(
        blurred, [m / n for m, n in zip(native, grid.shape, strict=True)], order=1, grid_mode=True, mode="nearest"
    )
    coarse = count_noise(coarse, rng)
    back = [n / m for m, n in zip(coarse.shape, grid.shape, strict=True)]
    image: FloatArray = ndimage.zoom(coarse, back, order=1, grid_mode=True, mode="nearest")
    return image


def point_spread(uptake: FloatArray, grid: PhantomGrid) -> FloatArray:
    """Blur by the scanner's point spread, a Gaussian of 6 mm."""
    sigma = [PSF_FWHM / FWHM_PER_SIGMA / s for s in grid.spacing]
    blurred: FloatArray = ndimage.gaussian_filter(uptake, sigma)
    return blurred


def count_noise(coarse: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Add noise that grows with the root of the uptake (SUV) to a PET on its own grid, and cut off what is negative."""
    counts = np.sqrt(0.02 + 0.03 * np.clip(coarse, 0, None)).astype(np.float32)
    noise = ndimage.gaussian_filter(rng.standard_normal(coarse.shape, dtype=np.float32), 0.6)
    noisy: FloatArray = np.clip(coarse + counts * noise / noise.std(), 0, None)
    return noisy


def to_grey(volume: FloatArray, window: tuple[float, float]) -> NDArray[np.uint8]:
    """Clip to a window and scale it to 0..255."""
    low, high = window
    return np.rint((np.clip(volume, low, high) - low) * np.float32(255 / (high - low))).astype(np.uint8)


def _breathe(uptake: FloatArray, grid: PhantomGrid, breathing: Breathing) -> FloatArray:
    """Blur along z by a box as wide as the travel, which falls linearly from the diaphragm to the apex."""
    width = max(1, round(breathing.travel / grid.spacing[0]))
    moved = ndimage.uniform_filter1d(uptake, width, axis=0, mode="nearest")
    blend: FloatArray = uptake + breathing.share(grid.axes()[0]) * (moved - uptake)
    return blend
