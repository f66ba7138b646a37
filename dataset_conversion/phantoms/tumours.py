"""Lesions of the phantom, tumours and benign ones: where they sit, what shape and uptake they have."""

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms.anatomy import Organs, Thorax, hila, organs
from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid, SmoothNoise, Vector, ellipsoid

SURVEY_SPACING = 4.0
SURVEY_LOWER: Vector = (-20.0, -140.0, -200.0)
SURVEY_UPPER: Vector = (250.0, 140.0, 200.0)
REACH = 1.6


class Site(str, Enum):
    """Where in the chest a lesion sits."""

    PARENCHYMA = "parenchyma"
    PLEURA = "pleura"
    HILUM = "hilum"


@dataclass(frozen=True)
class Lesion:
    """A lesion, malignant or not, as a union of balls with an irregular surface.

    Attributes
    ----------
    site
        Where it sits.
    centre, radius
        In mm; the lesion lies within 1.6 radii of the centre.
    balls
        Centre and radius of each ball in mm.
    surface, spicules
        Random fields that move the surface, coarse and fine.
    roughness
        Amplitude of the spicules in mm.
    density
        In HU; None leaves the CT as it is.
    suv
        Standardised uptake value of the viable part; None leaves the PET as it is.
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
    density: float | None
    suv: float | None
    necrosis: float

    @property
    def reach(self) -> float:
        """Half side in mm of a box that holds the lesion."""
        return REACH * self.radius


class Survey:
    """A coarse map of one thorax, to place things in it."""

    def __init__(self, thorax: Thorax) -> None:
        shape = tuple(
            int((high - low) / SURVEY_SPACING) + 1 for low, high in zip(SURVEY_LOWER, SURVEY_UPPER, strict=True)
        )
        self.grid = PhantomGrid(SURVEY_LOWER, (SURVEY_SPACING,) * 3, (shape[0], shape[1], shape[2]))
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


def draw_tumour(rng: np.random.Generator, survey: Survey, diameter: float) -> Lesion:
    """Draw a malignant lesion of about the given diameter (mm): dense, or part-solid in one of five, and hot."""
    site = list(Site)[rng.choice(3, p=[0.4, 0.3, 0.3])]
    density = rng.choice([rng.uniform(10, 50), rng.uniform(-380, -180)], p=[0.8, 0.2])
    suv = float(np.clip(rng.lognormal(np.log(6.5), 0.4), 3.0, 14.0))
    lesion = draw_lesion(rng, survey, site, diameter, density, suv)
    if lesion.radius > 16 and rng.random() < 0.6:
        return replace(lesion, necrosis=0.55 * lesion.radius)
    return lesion


def draw_lesion(
    rng: np.random.Generator, survey: Survey, site: Site, diameter: float, density: float | None, suv: float | None
) -> Lesion:
    """Draw place and shape of a lesion of about the given diameter (mm)."""
    radius = diameter / 2
    centre = survey.place(rng, site, radius)
    balls = [(centre, 0.8 * radius)]
    for _ in range(rng.integers(1, 5)):
        offset = rng.standard_normal(3)
        offset *= 0.6 * radius / np.linalg.norm(offset)
        z, y, x = np.add(centre, offset)
        balls.append(((float(z), float(y), float(x)), radius * rng.uniform(0.35, 0.6)))
    lower, upper = (tuple(np.add(centre, side * REACH * radius).tolist()) for side in (-1, 1))
    return Lesion(
        site=site,
        centre=centre,
        radius=radius,
        balls=tuple(balls),
        surface=SmoothNoise(rng, max(0.35 * radius, 4.0), lower, upper),
        spicules=SmoothNoise(rng, 2.5, lower, upper),
        roughness=rng.uniform(0.3, 1.8),
        density=density,
        suv=suv,
        necrosis=0.0,
    )


def lesion_distance(lesion: Lesion, grid: PhantomGrid) -> FloatArray:
    """Signed distance in mm of the lesion's surface on a grid that lies in its box."""
    axes = grid.axes()
    distance = np.minimum.reduce([ellipsoid(axes, centre, (size,) * 3) for centre, size in lesion.balls])
    limit = np.float32((REACH - 1.2) * lesion.radius)
    coarse = np.float32(0.13 * lesion.radius) * lesion.surface.on(grid)
    fine = np.float32(lesion.roughness) * lesion.spicules.on(grid)
    rough: FloatArray = distance + np.clip(coarse + fine, -limit, limit)
    return rough


def confine(distance: FloatArray, fields: Organs) -> FloatArray:
    """Keep a lesion out of the heart, the spine and what lies below the diaphragm; it may grow 4 mm into a wall."""
    confined: FloatArray = np.maximum.reduce(
        [distance, -fields.heart, -fields.spine, -fields.abdomen, fields.cavity - 4]
    )
    return confined
