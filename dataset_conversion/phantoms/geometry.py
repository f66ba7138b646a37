"""Voxel grids in millimetres, implicit shapes on them and smooth random fields."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
Axes: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
Vector: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class PhantomGrid:
    """A regular voxel grid; every triple is in the order z, y, x.

    Attributes
    ----------
    origin
        Centre of voxel (0, 0, 0) in mm.
    spacing
        Voxel size in mm.
    shape
        Number of voxels.
    """

    origin: Vector
    spacing: Vector
    shape: tuple[int, int, int]

    def axes(self) -> Axes:
        """Voxel centres in mm as three arrays that broadcast to ``shape``."""
        z, y, x = (
            np.float32(o) + np.float32(s) * np.arange(n, dtype=np.float32)
            for o, s, n in zip(self.origin, self.spacing, self.shape, strict=True)
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def around(self, centre: Vector, radius: float) -> "tuple[tuple[slice, slice, slice], PhantomGrid] | None":
        """Return the part within ``radius`` mm of a point along each axis, as slices and as a grid; None if empty."""
        bounds = []
        for c, o, s, n in zip(centre, self.origin, self.spacing, self.shape, strict=True):
            start = max(0, math.ceil((c - radius - o) / s))
            stop = min(n, math.floor((c + radius - o) / s) + 1)
            if start >= stop:
                return None
            bounds.append((start, stop))
        slices = (slice(*bounds[0]), slice(*bounds[1]), slice(*bounds[2]))
        z, y, x = (o + s * b[0] for o, s, b in zip(self.origin, self.spacing, bounds, strict=True))
        sizes = [stop - start for start, stop in bounds]
        return slices, PhantomGrid((z, y, x), self.spacing, (sizes[0], sizes[1], sizes[2]))


def ellipsoid(axes: Axes, centre: Vector, radii: Vector, power: float = 2.0) -> FloatArray:
    """Signed distance in mm (negative inside, approximate away from the surface) of a superellipsoid.

    A radius may be infinite: the shape is then a cylinder along that axis.
    """
    level = sum(
        np.abs((axis - np.float32(c)) / np.float32(r)) ** np.float32(power)
        for axis, c, r in zip(axes, centre, radii, strict=True)
    )
    distance: FloatArray = (np.asarray(level) ** np.float32(1 / power) - 1) * np.float32(min(radii))
    return distance


def capsule(axes: Axes, start: Vector, end: Vector, radius: float) -> FloatArray:
    """Signed distance in mm of a tube of the given radius round a line segment."""
    direction = np.subtract(end, start).astype(np.float32)
    length2 = max(float(direction @ direction), 1e-6)
    offsets = [axis - np.float32(s) for axis, s in zip(axes, start, strict=True)]
    along = np.clip(sum(o * d for o, d in zip(offsets, direction, strict=True)) / np.float32(length2), 0, 1)
    square = sum((o - along * d) ** 2 for o, d in zip(offsets, direction, strict=True))
    distance: FloatArray = np.sqrt(square) - np.float32(radius)
    return distance


def occupancy(distance: FloatArray, edge: float) -> FloatArray:
    """Fraction of a voxel inside a surface: a ramp ``edge`` mm wide across it."""
    fraction: FloatArray = np.clip(np.float32(0.5) - distance / np.float32(edge), 0, 1)
    return fraction


class SmoothNoise:
    """A Gaussian random field of unit variance, fixed in millimetres: it looks the same on every grid.

    White noise on a lattice of ``scale`` mm, smoothed by a Gaussian of the same width.

    Parameters
    ----------
    rng
        Source of the lattice values.
    scale
        Correlation length in mm.
    lower, upper
        The box in mm in which the field is needed.
    """

    def __init__(self, rng: np.random.Generator, scale: float, lower: Vector, upper: Vector) -> None:
        self._scale = scale
        self._nodes = [
            np.arange(low - 3 * scale, high + 3.5 * scale, scale) for low, high in zip(lower, upper, strict=True)
        ]
        self._values = rng.standard_normal([len(nodes) for nodes in self._nodes])

    def on(self, grid: PhantomGrid) -> FloatArray:
        """Return the field at the voxel centres of a grid that lies in the box."""
        # float64, so that the order of the sums inside BLAS does not reach the float32 result.
        field = self._values
        for axis, (positions, nodes) in enumerate(zip(grid.axes(), self._nodes, strict=True)):
            weights = np.exp(-0.5 * ((positions.ravel()[:, None].astype(np.float64) - nodes) / self._scale) ** 2)
            weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
            field = np.moveaxis(np.tensordot(weights, field, axes=(1, axis)), 0, axis)
        return field.astype(np.float32)
