"""Tumours of the phantom: where they sit, what shape and uptake they have."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy import ndimage

from .phantom_anatomy import LOWER, UPPER, Organs, Thorax, hila, organs
from .phantom_geometry import FloatArray, Grid, SmoothNoise, Vector, ellipsoid

SURVEY_SPACING = 4.0


class Site(str, Enum):
    """Where in the chest a lesion sits."""

    PARENCHYMA = "parenchyma"
    PLEURA = "pleura"
    HILUM = "hilum"


@dataclass(frozen=True)
class Lesion:
    """A lesion as a union of balls with an irregular surface.

    Attributes
    ----------
    site
        Where it sits.
    centre, radius
        In mm; the lesion lies within 1.6 radii of the centre.
    balls
        Centre and radius of each ball in mm.
    surface, spicules
        Random fields that move the surface by up to a fifth of the radius, coarse and fine.
    roughness
        Amplitude of the spicules in mm.
    density
        Of the solid part, in HU.
    suv
        Standardised uptake value of the viable part.
    necrosis
        Radius of the core without uptake in mm, 0 for none.
    """

    site: Site
    centre: Vector
    radius: float
    balls: tuple[tuple[Vector, float], ...]
    surface: SmoothNoise
    spicules: SmoothNoise
    roughness: float
    density: float
    suv: float
    necrosis: float

    @property
    def reach(self) -> float:
        """Half side in mm of a box that holds the lesion."""
        return 1.6 * self.radius


class Survey:
    """A coarse map of one thorax, to place things in it."""

    def __init__(self, thorax: Thorax) -> None:
        shape = tuple(int((high - low) / SURVEY_SPACING) + 1 for low, high in zip(LOWER, UPPER, strict=True))
        self.grid = Grid(LOWER, (SURVEY_SPACING,) * 3, (shape[0], shape[1], shape[2]))
        fields = organs(thorax, self.grid)
        self.lung = fields.lung < 0
        self.depth = ndimage.distance_transform_edt(self.lung, sampling=self.grid.spacing)
        self._wall = -fields.cavity
        self._centre = np.minimum(np.abs(fields.mediastinum), 200)
        height = self.grid.axes()[0]
        hilum = hila(thorax)[0][0]
        self._near_hilum = (np.abs(height - hilum) < 30) & (fields.heart > 12)
        self._above_base = fields.abdomen > 4

    def place(self, rng: np.random.Generator, site: Site, radius: float) -> Vector:
        """Draw a centre for a lesion of that radius (mm) at that site."""
        if site is Site.PARENCHYMA:
            room = self.lung & (self.depth > min(radius, 0.8 * float(self.depth.max())))
        elif site is Site.PLEURA:
            room = self.lung & (self._wall < max(0.5 * radius, 5)) & (self._centre > 1.5 * radius) & self._above_base
        else:
            room = self.lung & (self._centre < max(0.5 * radius, 5)) & self._near_hilum & (self._wall > radius)
        points = np.argwhere(room if room.any() else self.lung)
        index = points[rng.integers(len(points))]
        jitter = rng.uniform(-0.5, 0.5, 3)
        z, y, x = np.asarray(self.grid.origin) + (index + jitter) * SURVEY_SPACING
        return float(z), float(y), float(x)


def draw_lesion(rng: np.random.Generator, survey: Survey, diameter: float) -> Lesion:
    """Draw a malignant lesion of about the given diameter (mm)."""
    site = list(Site)[rng.choice(3, p=[0.4, 0.3, 0.3])]
    radius = diameter / 2
    centre = survey.place(rng, site, radius)
    balls = [(centre, 0.85 * radius)]
    for _ in range(rng.integers(1, 4)):
        offset = rng.standard_normal(3)
        offset *= 0.55 * radius / np.linalg.norm(offset)
        z, y, x = np.add(centre, offset)
        balls.append(((float(z), float(y), float(x)), radius * rng.uniform(0.4, 0.6)))
    lower, upper = _box(centre, 1.6 * radius)
    return Lesion(
        site=site,
        centre=centre,
        radius=radius,
        balls=tuple(balls),
        surface=SmoothNoise(rng, max(0.5 * radius, 4.0), lower, upper),
        spicules=SmoothNoise(rng, 2.5, lower, upper),
        roughness=rng.uniform(0.2, 1.2),
        density=rng.choice([rng.uniform(10, 50), rng.uniform(-380, -180)], p=[0.8, 0.2]),
        suv=float(np.clip(rng.lognormal(np.log(6.5), 0.4), 3.0, 14.0)),
        necrosis=float(0.55 * radius) if radius > 16 and rng.random() < 0.6 else 0.0,
    )


def lesion_distance(lesion: Lesion, grid: Grid) -> FloatArray:
    """Signed distance in mm of the lesion's surface on a grid that lies in its box."""
    axes = grid.axes()
    distance = np.minimum.reduce([ellipsoid(axes, centre, (size,) * 3) for centre, size in lesion.balls])
    limit = 0.2 * lesion.radius
    ripple = 0.1 * lesion.radius * lesion.surface.on(grid) + lesion.roughness * lesion.spicules.on(grid)
    rough: FloatArray = distance + np.clip(ripple, -limit, limit).astype(np.float32)
    return rough


def confine(distance: FloatArray, fields: Organs) -> FloatArray:
    """Keep a lesion out of the heart, the spine and what lies below the diaphragm; it may grow 4 mm into a wall."""
    confined: FloatArray = np.maximum.reduce(
        [distance, -fields.heart, -fields.spine, -fields.abdomen, fields.cavity - 4]
    )
    return confined


def _box(centre: Vector, reach: float) -> tuple[Vector, Vector]:
    z, y, x = centre
    return (z - reach, y - reach, x - reach), (z + reach, y + reach, x + reach)
