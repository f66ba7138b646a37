"""Draws one synthetic patient from a seed."""

import numpy as np

from .phantom_anatomy import Thorax, draw_thorax, hila
from .phantom_geometry import Vector
from .phantom_scene import Decoys, Patient, Uptake, draw_texture
from .phantom_tumours import Lesion, Site, Survey, draw_lesion
from .phantom_vessels import Branch, grow_tree

SLICE_DISTANCE = 2.8


def draw_patient(seed: int, index: int, slices: int) -> Patient:
    """Draw patient ``index`` of a study set; it depends on nothing else in the set.

    Parameters
    ----------
    seed
        Of the study set.
    index
        Number of the patient.
    slices
        About how many slices of 2.8 mm the tumours should span together.
    """
    rng = np.random.default_rng([seed, index])
    thorax = draw_thorax(rng)
    survey = Survey(thorax)
    return Patient(
        thorax=thorax,
        uptake=_draw_uptake(rng),
        decoys=_draw_decoys(rng, survey),
        vessels=tuple(_draw_vessels(rng, thorax, survey)),
        bronchi=tuple(_draw_bronchi(rng, thorax, survey)),
        lesions=tuple(_draw_lesions(rng, survey, slices)),
        texture=draw_texture(rng),
        couch_height=rng.uniform(4, 16),
    )


def _draw_uptake(rng: np.random.Generator) -> Uptake:
    return Uptake(
        blood=rng.uniform(1.3, 2.2),
        myocardium=rng.choice([rng.uniform(2.0, 4.0), rng.uniform(5.0, 11.0)], p=[0.35, 0.65]),
        liver=rng.uniform(2.2, 4.5),
        marrow=rng.uniform(1.0, 2.2),
        muscle=rng.uniform(0.5, 0.9),
        lung=rng.uniform(0.3, 0.6),
    )


def _draw_lesions(rng: np.random.Generator, survey: Survey, slices: int) -> list[Lesion]:
    lesions: list[Lesion] = []
    left = slices * SLICE_DISTANCE * float(np.clip(rng.lognormal(0, 0.2), 0.65, 1.5))
    while not lesions or (left > 10 and len(lesions) < 4):
        diameter = min(float(np.clip(rng.lognormal(np.log(38), 0.4), 14, 85)), max(left, 9.0))
        lesions.append(draw_lesion(rng, survey, diameter))
        left -= diameter
    return lesions


def _draw_decoys(rng: np.random.Generator, survey: Survey) -> Decoys:
    def spots(number: int, low: float, high: float, site: Site) -> tuple[tuple[Vector, float], ...]:
        radii = rng.uniform(low, high, number)
        return tuple((survey.place(rng, site, radius), float(radius)) for radius in radii)

    atelectases = [
        (survey.place(rng, Site.PLEURA, 10.0), tuple(rng.uniform((10, 8, 12), (26, 18, 30)).tolist()))
        for _ in range(rng.integers(2, 5))
    ]
    return Decoys(
        nodules=spots(int(rng.integers(4, 10)), 3.0, 14.0, Site.PARENCHYMA),
        atelectases=tuple(atelectases),
        hot_spots=spots(int(rng.integers(1, 5)), 5.0, 12.0, Site.PARENCHYMA),
        hot_spot_suv=rng.uniform(4.0, 9.0),
    )


def _draw_vessels(rng: np.random.Generator, thorax: Thorax, survey: Survey) -> list[Branch]:
    branches: list[Branch] = []
    for side, (z, y, x) in zip((-1, 1), hila(thorax), strict=True):
        for up, back in ((0.9, -0.2), (0.3, -0.8), (0.1, 0.7), (-0.5, 0.3), (-0.9, -0.4), (-0.9, 0.6)):
            branches += grow_tree(rng, (z, y, x), (up, back, 0.8 * side), 5.0, survey.lung, survey.grid)
    return branches


def _draw_bronchi(rng: np.random.Generator, thorax: Thorax, survey: Survey) -> list[Branch]:
    top, carina = (thorax.carina + 130.0, 4.0, 0.0), (thorax.carina, 10.0, 0.0)
    branches = [Branch(top, carina, 10.0)]
    for side, root in zip((-1, 1), hila(thorax), strict=True):
        branches.append(Branch(carina, root, 7.5))
        for up, back in ((0.8, 0.1), (-0.9, 0.2), (-0.4, -0.6)):
            branches += grow_tree(rng, root, (up, back, 0.7 * side), 4.5, survey.lung, survey.grid)[:12]
    return branches
