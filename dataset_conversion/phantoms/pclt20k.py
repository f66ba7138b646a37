"""A synthetic study set in the layout of PCLT20K."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nnunet_cipa import __version__
from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid
from nnunet_cipa.dataset_conversion.phantoms.imaging import (
    CT_WINDOW,
    SUV_WINDOW,
    Breathing,
    image_ct,
    image_pet,
    to_grey,
)
from nnunet_cipa.dataset_conversion.phantoms.options import SLICE_DISTANCE, PhantomOptions
from nnunet_cipa.dataset_conversion.phantoms.patient import SHOWN, draw_patient
from nnunet_cipa.dataset_conversion.phantoms.scene import PhantomPatient, render
from nnunet_cipa.dataset_conversion.phantoms.study import FIELD_OF_VIEW, check_numbers, draw_fifth, new_study
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.workers import run_jobs

MARGIN = 14.0
# In mm²: PCLT20K's smallest lesion, 11 pixels.
MIN_AREA = 11 * 0.98**2
# In mm, and the least fraction of a tumour in a coarse pixel that a reader sees.
COARSE_PIXEL, PART = 4.0, 0.35
# In mm: a scan is drawn at no larger slice distance, so that breathing and point spread act as in a whole one.
COARSEST = 4.2


@dataclass(frozen=True)
class Triples:
    """The slices of one patient that show tumour: CT, PET and mask, each (slices, rows, columns) of grey values."""

    ct: NDArray[np.uint8]
    pet: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    heights: Sequence[float]


@dataclass(frozen=True)
class PatientJob:
    """A patient to be made in a folder."""

    folder: Path
    seed: int
    index: int
    size: int
    slices: int

    def __str__(self) -> str:
        """Name it for the user."""
        return f"patient {self.index + 1:04d}"


def make_pclt20k_phantom(out: Path, options: PhantomOptions | None = None) -> int:
    """Write a synthetic PCLT20K and return how many slices it has.

    Parameters
    ----------
    out
        A folder that does not exist or is empty; it appears when it is complete.
    options
        What it is made of.

    Raises
    ------
    CIPAError
        For a value out of range, or if ``out`` holds something.
    """
    options = options or PhantomOptions()
    seed, size, slices = options.seed, options.size, options.slices
    check_numbers(
        ("patients", options.patients, 2, 9999),
        ("seed", seed, 0, 2**63),
        ("size", size, 64, 1024),
        ("slices", slices, 3, 90),
        ("processes", options.processes, 1, 256),
    )
    with new_study(out) as folder:
        jobs = [PatientJob(folder, seed, index, size, slices) for index in range(options.patients)]
        names = run_jobs(_make_patient, jobs, options.processes, "phantom")
        _write_lists(folder, names, seed)
        facts = {
            "made_by": f"nnunet_cipa {__version__}",
            "seed": seed,
            "slices": slices,
            "spacing_mm": spacing(size, slices),
        }
        (folder / "phantom.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="ascii")
    return sum(len(listed) for listed in names)


def _write_lists(folder: Path, names: list[list[str]], seed: int) -> None:
    """Write a fifth of the patients to test.txt and the others to train.txt, scrambled, without a last newline."""
    rng = np.random.default_rng([seed, len(names), 1])
    test = draw_fifth(len(names), rng)
    for part, members in (("train", set(range(len(names))) - test), ("test", test)):
        listed = [name for index in sorted(members) for name in names[index]]
        rng.shuffle(listed)
        (folder / f"{part}.txt").write_text("\n".join(listed), encoding="ascii")


def spacing(size: int, slices: int) -> tuple[float, float, float]:
    """Return the voxel size in mm (x, y, z): 36 slices are 2.8 mm apart, fewer span the same tumours."""
    pixel = FIELD_OF_VIEW / size
    return pixel, pixel, SHOWN * SLICE_DISTANCE / slices


def image_patient(seed: int, index: int, size: int, slices: int) -> Triples:
    """Make the images of one patient, slices without tumour left out.

    The patient is the same whatever ``size`` and ``slices`` are.

    Raises
    ------
    CIPAError
        If the pixels are too coarse for all tumours.
    """
    patient = draw_patient(seed, index)
    rng = np.random.default_rng([seed, index, 1])
    breathing = Breathing(
        travel=rng.uniform(6, 16), diaphragm=patient.thorax.diaphragm, apex=patient.thorax.lung_height
    )
    distance = spacing(size, slices)[2]
    every = math.ceil(distance / COARSEST - 1e-9)
    slabs = [_image_slab(patient, grid, breathing, rng) for grid in _slabs(patient, size, distance / every)]
    ct, pet, mask, numbers = (np.concatenate(parts) for parts in zip(*slabs, strict=True))
    if not len(numbers):
        raise CIPAError(f"--size {size}: too coarse for the tumours of patient {index + 1} of seed {seed}; give more")
    # Which slices the scan meets is chance, but it meets a tumour.
    first = rng.permutation(every)
    kept = next(found for start in first if (found := np.flatnonzero(numbers % every == start)).size)
    return Triples(ct[kept], pet[kept], mask[kept], (numbers[kept] * (distance / every)).tolist())


def _image_slab(
    patient: PhantomPatient, grid: PhantomGrid, breathing: Breathing, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.intp]]:
    """Image a slab; return CT, PET and mask of the slices that show tumour, and their numbers counted from height 0."""
    truth = render(patient, grid)
    mask = outline(truth.tumour, grid.spacing[2])
    smallest = MIN_AREA / (grid.spacing[1] * grid.spacing[2])
    shown = np.flatnonzero(mask.sum(axis=(1, 2)) >= smallest)
    pet = image_pet(truth.uptake, grid, breathing, rng)[shown]
    ct = image_ct(truth.density[shown], rng)
    numbers = shown + round(grid.origin[0] / grid.spacing[0])
    return to_grey(ct, CT_WINDOW), to_grey(pet, SUV_WINDOW), mask[shown].astype(np.uint8) * 255, numbers


def outline(tumour: FloatArray, pixel: float) -> NDArray[np.bool_]:
    """Return the mask of a tumour (fraction of each voxel): the voxels that are at least half tumour.

    Between coarse pixels, wider than 4 mm, a small lesion would vanish from a slice that shows a part of it; it keeps
    the pixel that has most of it, as a reader would draw one.
    """
    mask = tumour >= 0.5
    if pixel > COARSE_PIXEL:
        most = tumour.max(axis=(1, 2), keepdims=True)
        mask |= (tumour == most) & (most >= PART)
    return mask


def _slabs(patient: PhantomPatient, size: int, step: float) -> list[PhantomGrid]:
    """Grids that hold all tumours and a margin for the blur of the PET; separate ones where tumours lie far apart."""
    reaches = sorted((t.centre[0] - t.reach, t.centre[0] + t.reach) for t in patient.tumours)
    spans: list[tuple[float, float]] = []
    for low, high in reaches:
        if spans and low - spans[-1][1] < 2 * MARGIN:
            spans[-1] = (spans[-1][0], max(spans[-1][1], high))
        else:
            spans.append((low, high))
    pixel = FIELD_OF_VIEW / size
    corner = -(size - 1) / 2 * pixel
    grids = []
    for low, high in spans:
        # All slabs lie on one lattice of slices, so that heights are those of one scan.
        first, last = (round(edge / step) for edge in (low - MARGIN, high + MARGIN))
        grids.append(PhantomGrid((first * step, corner, corner), (step, pixel, pixel), (last - first + 1, size, size)))
    return grids


def _make_patient(job: PatientJob) -> list[str]:
    """Write a patient's images and return the names of the slices."""
    images = image_patient(job.seed, job.index, job.size, job.slices)
    folder = f"{job.index + 1:04d}"
    (job.folder / folder).mkdir()
    names = [f"{folder}_{number:03d}" for number in range(1, len(images.ct) + 1)]
    for kind, volume in (("CT", images.ct), ("PET", images.pet), ("mask", images.mask)):
        for name, image in zip(names, volume, strict=True):
            Image.fromarray(image).save(job.folder / folder / f"{name}_{kind}.png")
    return names
