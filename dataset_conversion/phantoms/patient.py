"""Draws one synthetic patient from a seed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.anatomy import LOWER, UPPER, Thorax, draw_thorax, hila, organs
from nnunet_cipa.dataset_conversion.phantoms.geometry import PhantomGrid, SmoothNoise
from nnunet_cipa.dataset_conversion.phantoms.options import SLICE_DISTANCE
from nnunet_cipa.dataset_conversion.phantoms.scene import PhantomPatient, Uptake
from nnunet_cipa.dataset_conversion.phantoms.sizes import LARGEST, diameters
from nnunet_cipa.dataset_conversion.phantoms.tumours import (
    Lesion,
    Site,
    Survey,
    confine,
    draw_lesion,
    draw_tumour,
    lesion_distance,
)
from nnunet_cipa.dataset_conversion.phantoms.vessels import VesselBranch, grow_tree

# Slices of 2.8 mm on which the tumours of a patient show, in the mean: 21,930 slices of 605 patients.
SHOWN = 36
# Half of the slices of a mean tumour: the last one ends beyond what is wanted.
OVERSHOOT = 5
# Places that are tried for a tumour.
TRIES = 8


def draw_patient(seed: int, index: int, largest: float = LARGEST) -> PhantomPatient:
    """Draw patient ``index`` of a study set; it depends on nothing else in the set.

    Parameters
    ----------
    seed
        Of the study set.
    index
        Number of the patient.
    largest
        No tumour has a larger diameter, in mm.
    """
    rng = np.random.default_rng([seed, index])
    thorax = draw_thorax(rng)
    survey = Survey(thorax)
    return PhantomPatient(
        thorax=thorax,
        uptake=_draw_uptake(rng),
        vessels=tuple(_draw_vessels(rng, thorax, survey)),
        bronchi=tuple(_draw_bronchi(rng, thorax, survey)),
        tumours=tuple(_draw_tumours(rng, thorax, survey, diameters(seed, index, largest))),
        decoys=tuple(_draw_decoys(rng, survey)),
        dependent=rng.uniform(2, 14),
        texture=SmoothNoise(rng, 5.0, LOWER, UPPER),
        couch=rng.uniform(4, 16),
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


def _draw_tumours(rng: np.random.Generator, thorax: Thorax, survey: Survey, sizes: Iterator[float]) -> list[Lesion]:
    """Draw tumours until they show on about as many slices as PCLT20K's, at heights of their own if there is room."""
    wanted = SHOWN * float(np.clip(rng.lognormal(0, 0.2), 0.65, 1.5)) - OVERSHOOT
    tumours: list[Lesion] = []
    covered: set[int] = set()
    # The number of tumours is decided by those before, never by the size of the next: no size is preferred.
    while not tumours or len(covered) < wanted:
        tumour, shown = _place(rng, thorax, survey, next(sizes), covered)
        if shown:
            tumours.append(tumour)
            covered |= shown
    return tumours


def _place(
    rng: np.random.Generator, thorax: Thorax, survey: Survey, diameter: float, covered: set[int]
) -> tuple[Lesion, set[int]]:
    """Draw a tumour where the anatomy hides little and no other shows, the best of some, and return its slices too."""
    best: tuple[float, Lesion, set[int]] | None = None
    for _ in range(TRIES):
        tumour = draw_tumour(rng, survey, diameter)
        shown = shown_on(tumour, thorax)
        height = len(shown - covered) * SLICE_DISTANCE / diameter
        if best is None or height > best[0]:
            best = height, tumour, shown
        if height > 0.8:
            break
    assert best is not None  # noqa: S101
    return best[1], best[2]


def shown_on(tumour: Lesion, thorax: Thorax) -> set[int]:
    """Numbers of the slices, counted from height 0, on which a tumour shows."""
    start = tuple(np.round(np.subtract(tumour.centre, tumour.reach) / SLICE_DISTANCE).astype(int).tolist())
    count = int(2 * tumour.reach / SLICE_DISTANCE) + 1
    z, y, x = (SLICE_DISTANCE * index for index in start)
    grid = PhantomGrid((z, y, x), (SLICE_DISTANCE,) * 3, (count,) * 3)
    inside = confine(lesion_distance(tumour, grid), organs(thorax, grid)) < 0
    return {start[0] + int(index) for index in np.flatnonzero(inside.sum(axis=(1, 2)) > 1)}


def _draw_decoys(rng: np.random.Generator, survey: Survey) -> list[Lesion]:
    """Draw cold lesions of the sizes, shapes and sites of tumours, and hot spots in normal lung."""
    decoys = []
    for _ in range(rng.integers(4, 9)):
        tumour = draw_tumour(rng, survey, float(np.clip(rng.lognormal(np.log(30), 0.4), 10, 70)))
        decoys.append(replace(tumour, suv=rng.uniform(0.6, 1.8), necrosis=0.0))
    for _ in range(rng.integers(2, 6)):
        diameter = float(np.clip(rng.lognormal(np.log(26), 0.3), 12, 50))
        decoys.append(draw_lesion(rng, survey, Site.PARENCHYMA, diameter, None, rng.uniform(4.0, 10.0)))
    return decoys


def _draw_vessels(rng: np.random.Generator, thorax: Thorax, survey: Survey) -> list[VesselBranch]:
    branches: list[VesselBranch] = []
    for side, (z, y, x) in zip((-1, 1), hila(thorax), strict=True):
        for up, back in ((0.9, -0.2), (0.3, -0.8), (0.1, 0.7), (-0.5, 0.3), (-0.9, -0.4), (-0.9, 0.6)):
            branches += grow_tree(rng, (z, y, x), (up, back, 0.8 * side), 5.0, survey.lung, survey.grid)
    return branches


def _draw_bronchi(rng: np.random.Generator, thorax: Thorax, survey: Survey) -> list[VesselBranch]:
    top, carina = (thorax.carina + 130.0, 4.0, 0.0), (thorax.carina, 10.0, 0.0)
    branches = [VesselBranch(top, carina, 10.0)]
    for side, root in zip((-1, 1), hila(thorax), strict=True):
        branches.append(VesselBranch(carina, root, 7.5))
        for up, back in ((0.8, 0.1), (-0.9, 0.2), (-0.4, -0.6)):
            branches += grow_tree(rng, root, (up, back, 0.7 * side), 4.5, survey.lung, survey.grid)[:12]
    return branches
