"""Anatomy of the synthetic thorax: sizes drawn for a patient, and signed distance fields of its organs.

Coordinates are millimetres in the order z (up), y (to the back), x (to the patient's left), with the body axis at
y = x = 0 and the right half of the diaphragm near z = 0.
"""

from dataclasses import dataclass

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.geometry import (
    Axes,
    FloatArray,
    PhantomGrid,
    SmoothNoise,
    Vector,
    capsule,
    ellipsoid,
)

LOWER: Vector = (-60.0, -260.0, -260.0)
UPPER: Vector = (260.0, 260.0, 260.0)


@dataclass(frozen=True)
class Thorax:
    """One patient's anatomy, independent of any voxel grid.

    Attributes
    ----------
    width, depth
        Half axes of the body at the chest in mm.
    lung_height
        From the base to the apex in mm.
    diaphragm
        Height of the right dome in mm; the left one is lower.
    heart
        Half axes of the heart in mm (z, y, x).
    carina
        Height at which the trachea divides, in mm.
    breasts
        Half depth of the breasts in mm, 0 for none.
    wobble
        Smooth field that makes every surface irregular.
    """

    width: float
    depth: float
    lung_height: float
    diaphragm: float
    heart: Vector
    carina: float
    breasts: float
    wobble: SmoothNoise


@dataclass(frozen=True)
class Organs:
    """Signed distances in mm, negative inside, on one grid."""

    body: FloatArray
    lung: FloatArray
    cavity: FloatArray
    mediastinum: FloatArray
    heart: FloatArray
    abdomen: FloatArray
    spine: FloatArray


def draw_thorax(rng: np.random.Generator) -> Thorax:
    """Draw a patient."""
    scale = rng.uniform(0.92, 1.08)
    return Thorax(
        width=scale * rng.uniform(162, 185),
        depth=scale * rng.uniform(108, 128),
        lung_height=scale * rng.uniform(200, 230),
        diaphragm=rng.uniform(10, 35),
        heart=(scale * rng.uniform(44, 54), scale * rng.uniform(40, 48), scale * rng.uniform(50, 62)),
        carina=scale * rng.uniform(128, 142),
        breasts=float(rng.choice([0, rng.uniform(25, 45)])),
        wobble=SmoothNoise(rng, 32.0, LOWER, UPPER),
    )


def organs(thorax: Thorax, grid: PhantomGrid) -> Organs:
    """Signed distance fields of the organs on a grid."""
    axes = grid.axes()
    wobble = thorax.wobble.on(grid)
    cavity = np.minimum(_lung_shell(thorax, axes, -1), _lung_shell(thorax, axes, 1)) + 2.5 * wobble
    heart = heart_wall(thorax, axes) + 2.0 * wobble
    spine = ellipsoid(axes, (0.0, 0.60 * thorax.depth, 0.0), (np.inf, 21.0, 23.0))
    mediastinum = np.minimum(_mediastinum(thorax, axes) + 3.0 * wobble, heart)
    abdomen = _abdomen(thorax, axes) + 2.0 * wobble
    lung = np.maximum.reduce([cavity, -mediastinum, -abdomen, -spine])
    return Organs(_body(thorax, axes) + 1.5 * wobble, lung, cavity, mediastinum, heart, abdomen, spine)


def heart_centre(thorax: Thorax) -> Vector:
    """Centre of the heart in mm: left of and in front of the body axis, resting on the diaphragm."""
    return thorax.diaphragm + 0.72 * thorax.heart[0], -0.24 * thorax.depth, 24.0


def heart_wall(thorax: Thorax, axes: Axes) -> FloatArray:
    """Outer surface of the heart: an ellipsoid, its long axis turned to the left and forward, and the right atrium."""
    ventricles = ellipsoid(_heart_axes(thorax, axes), (0.0, 0.0, 0.0), thorax.heart)
    z, y, _ = heart_centre(thorax)
    atrium = ellipsoid(axes, (z + 6, y + 8, -26.0), (0.75 * thorax.heart[0], 32.0, 24.0))
    return np.minimum(ventricles, atrium)


def left_ventricle(thorax: Thorax, axes: Axes) -> tuple[FloatArray, FloatArray]:
    """Outer and inner surface of the left ventricle's muscle, a cup 11 mm thick and open to the base of the heart."""
    local = _heart_axes(thorax, axes)
    outer = ellipsoid(
        local, (-2.0, 8.0, 12.0), (0.72 * thorax.heart[0], 0.72 * thorax.heart[1], 0.74 * thorax.heart[2])
    )
    base = np.float32(-0.28 * thorax.heart[2]) - local[2] + 0 * outer
    return np.maximum(outer, base), outer + 11


def _heart_axes(thorax: Thorax, axes: Axes) -> Axes:
    z, y, x = (axis - np.float32(c) for axis, c in zip(axes, heart_centre(thorax), strict=True))
    turn = np.float32(np.deg2rad(35))
    # The last axis runs along the heart, from its base to the apex at the left and the front.
    return z, y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)


def hila(thorax: Thorax) -> tuple[Vector, Vector]:
    """Where vessels and bronchi enter the right and the left lung, in mm."""
    z = thorax.carina - 18
    return (z, 8.0, -36.0), (z + 6, 8.0, 36.0)


def _lung_shell(thorax: Thorax, axes: Axes, side: int) -> FloatArray:
    z, y, x = axes
    rise = np.clip((z - 0.28 * thorax.lung_height) / np.float32(0.74 * thorax.lung_height), 0, None)
    half_width = np.float32(0.385 * thorax.width)
    half_depth = np.float32(0.80 * thorax.depth)
    centre = np.float32(side * 0.43 * thorax.width) * (1 - np.float32(0.25) * rise)
    level = (
        np.abs((x - centre) / half_width) ** np.float32(2.3)
        + np.abs((y - np.float32(3)) / half_depth) ** np.float32(2.3)
        + rise**3
    )
    distance: FloatArray = (level ** np.float32(1 / 2.3) - 1) * half_width
    return distance


def _mediastinum(thorax: Thorax, axes: Axes) -> FloatArray:
    core = ellipsoid(axes, (0.0, -2.0, 2.0), (np.inf, 0.72 * thorax.depth, 31.0))
    aorta = ellipsoid(axes, (0.0, 0.36 * thorax.depth, 22.0), (np.inf, 13.0, 13.0))
    arch = capsule(axes, (thorax.carina + 24, -22.0, -8.0), (thorax.carina + 20, 40.0, 24.0), 14.0)
    vena_cava = capsule(axes, (thorax.carina - 60, -18.0, -27.0), (thorax.carina + 90, -18.0, -24.0), 10.0)
    right, left = hila(thorax)
    roots = [capsule(axes, (z, 2.0, 0.0), (z, y, x), 15.0) for z, y, x in (right, left)]
    return np.minimum.reduce([core, aorta, arch, vena_cava, *roots])


def _abdomen(thorax: Thorax, axes: Axes) -> FloatArray:
    z, y, x = axes
    domes = []
    for side, height in ((-1, thorax.diaphragm), (1, thorax.diaphragm - 14)):
        centre = np.float32(side * 0.42 * thorax.width)
        drop = ((x - centre) / np.float32(0.5 * thorax.width)) ** 2 + (y / np.float32(0.75 * thorax.depth)) ** 2
        domes.append(z - np.float32(height) + np.float32(38) * drop)
    # A dome is lower than a plane by its slope: the vertical distance overstates the true one, which is enough here.
    return np.minimum(*domes)


def _body(thorax: Thorax, axes: Axes) -> FloatArray:
    z, y, x = axes
    shoulders = np.clip((z - np.float32(0.8 * thorax.lung_height)) / np.float32(70), 0, 2) ** 2
    level = np.abs(x / np.float32(thorax.width)) ** np.float32(2.5) + np.abs(
        y / np.float32(thorax.depth)
    ) ** np.float32(2.5)
    trunk: FloatArray = (level ** np.float32(1 / 2.5) - 1 + np.float32(0.18) * shoulders) * np.float32(thorax.depth)
    if thorax.breasts == 0:
        return trunk
    centres = [(45.0, -0.82 * thorax.depth, side * 0.45 * thorax.width) for side in (-1, 1)]
    breasts = [ellipsoid(axes, centre, (55.0, thorax.breasts, 58.0)) for centre in centres]
    return np.minimum.reduce([trunk, *breasts])
