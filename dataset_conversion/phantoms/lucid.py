"""A synthetic radiotherapy study set: whole volumes of CT and PET with GTV and IGTV, as DICOM or NIfTI."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nnunet_cipa import __version__
from nnunet_cipa.dataset_conversion.phantoms.anatomy import organs
from nnunet_cipa.dataset_conversion.phantoms.breathing import course, over_cycle, scan_pet, travel_field
from nnunet_cipa.dataset_conversion.phantoms.dicom import write_dicom
from nnunet_cipa.dataset_conversion.phantoms.dicom_headers import Identity
from nnunet_cipa.dataset_conversion.phantoms.geometry import PhantomGrid
from nnunet_cipa.dataset_conversion.phantoms.imaging import Breathing, image_ct
from nnunet_cipa.dataset_conversion.phantoms.lucid_study import LucidStudy
from nnunet_cipa.dataset_conversion.phantoms.options import SPAN, Form, LucidPhantomOptions
from nnunet_cipa.dataset_conversion.phantoms.patient import draw_patient
from nnunet_cipa.dataset_conversion.phantoms.placement import choose_slices
from nnunet_cipa.dataset_conversion.phantoms.scene import render
from nnunet_cipa.dataset_conversion.phantoms.sizes import LARGEST
from nnunet_cipa.dataset_conversion.phantoms.study import FIELD_OF_VIEW, check_numbers, draw_fifth, new_study
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.files.nifti_stream import NiftiStream
from nnunet_cipa.processes.workers import run_jobs

PET_VOXEL = 4.0
BLUR_MARGIN = 8.0
# In mm: a tumour's travel at most.
LONGEST_TRAVEL = 22.0
# A tumour with its lobes over its diameter.
LOBES = 1.25
LOWEST, HIGHEST = -70.0, 270.0
HU_RANGE = (-1024, 3071)
# Lengths of a scan in mm: enough for a tumour, and no more than a thorax.
SHORTEST, LONGEST = 44.0, 252.0


@dataclass(frozen=True)
class StudyJob:
    """A study to be made in a folder."""

    folder: Path
    identity: Identity
    form: Form

    def __str__(self) -> str:
        """Name it for the user."""
        return f"patient {self.identity.folder}"


def make_lucid_phantom(out: Path, options: LucidPhantomOptions | None = None) -> None:
    """Write a synthetic study set, a folder a patient, which ``convert lucid`` reads.

    test.txt has the names of the held-out patients, in DICOM their PatientID.

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
    options = options or LucidPhantomOptions()
    patients, seed, size, slices = options.patients, options.seed, options.size, options.slices
    check_numbers(
        ("patients", patients, 2, 9999),
        ("seed", seed, 0, 2**63),
        ("size", size, 64, 1024),
        ("slices", slices, 16, 90),
        ("processes", options.processes, 1, 256),
    )
    form = options.form
    slice_distance = SPAN / slices if options.slice_distance is None else options.slice_distance
    if not (1 <= slice_distance <= 12 and SHORTEST <= slices * slice_distance <= LONGEST):
        raise CIPAError(
            f"--slice-distance {slice_distance:g}: give a number from 1 to 12, such that --slices {slices} span "
            f"{SHORTEST:g} to {LONGEST:g} mm"
        )
    with new_study(out) as folder:
        identities = [Identity(seed, index, size, slices, slice_distance) for index in range(patients)]
        run_jobs(_make_patient, [StudyJob(folder, who, form) for who in identities], options.processes, "phantom")
        test = draw_fifth(patients, np.random.default_rng([seed, patients, 2]))
        held_out = [identities[index] for index in sorted(test)]
        names = [identity.patient_id if form is Form.DICOM else identity.folder for identity in held_out]
        (folder / "test.txt").write_text("".join(f"{name}\n" for name in names), encoding="ascii")
        units = {} if form is Form.DICOM else {"units": {"CT": "HU", "PET": "SUVbw"}}
        facts = {**units, "synthetic": True, "seed": seed, "slices": slices}
        write_json(folder / "study.json", {**facts, "made_by": f"nnunet_cipa {__version__}"})


def _make_patient(job: StudyJob) -> None:
    who = job.identity
    study = image_study(who.seed, who.index, who.size, who.slices, who.slice_distance)
    if job.form is Form.DICOM:
        write_dicom(job.folder / who.folder, who, study)
    else:
        _write_nifti(job.folder / who.folder, study)


def image_study(seed: int, index: int, size: int, slices: int, slice_distance: float | None = None) -> LucidStudy:
    """Make the images of patient ``index``; it depends on nothing else in the set.

    The arguments are as in ``LucidPhantomOptions``.

    Raises
    ------
    CIPAError
        If the pixels are too coarse for the tumour.
    """
    step = SPAN / slices if slice_distance is None else slice_distance
    pixel = FIELD_OF_VIEW / size
    patient = draw_patient(seed, index, min(LARGEST, ((slices - 2) * step - LONGEST_TRAVEL) / LOBES))
    rng = np.random.default_rng([seed, index, 2])
    thorax = patient.thorax
    breathing = Breathing(travel=rng.uniform(10, LONGEST_TRAVEL), diaphragm=thorax.diaphragm, apex=thorax.lung_height)
    phase = rng.uniform(0, 1)
    margin = math.ceil((breathing.travel + BLUR_MARGIN) / step)
    inhaled = course(phase)
    reach = tuple(math.ceil(breathing.travel * part / step) for part in (inhaled, 1 - inhaled))
    limits = round(LOWEST / step) + margin, round(HIGHEST / step) - margin - slices
    visible = math.ceil(max(2 * pixel / step, 1.2))
    first, patient = choose_slices(patient, slices, visible, (reach[0], reach[1]), limits, step, rng)
    corner = -(size - 1) / 2 * pixel
    whole = PhantomGrid(
        ((first - margin) * step, corner, corner),
        (step, pixel, pixel),
        (slices + 2 * margin, size, size),
    )
    grid = replace(whole, origin=(first * step, corner, corner), shape=(slices, size, size))
    inner = slice(margin, margin + slices)
    truth = render(patient, whole)
    mean, swept = over_cycle(truth.uptake, truth.tumour, travel_field(thorax, breathing, whole), phase, whole)
    pet_grid = _pet_grid(grid, rng)
    pet = scan_pet(mean, whole, pet_grid, rng)
    gtv = (truth.tumour[inner] >= 0.5).astype(np.uint8)
    if not gtv.any():
        raise CIPAError(f"--size {size}: too coarse for the tumour of patient {index + 1} of seed {seed}; give more")
    ct = np.clip(np.rint(image_ct(truth.density[inner], rng)), *HU_RANGE).astype(np.int16)
    igtv = (swept[inner] >= 0.5).astype(np.uint8)
    fields = organs(thorax, grid)
    heart, body = ((surface < 0).astype(np.uint8) for surface in (fields.heart, fields.body))
    return LucidStudy(grid, pet_grid, ct, pet, gtv, igtv, heart, body)


def _pet_grid(grid: PhantomGrid, rng: np.random.Generator) -> PhantomGrid:
    """Voxels of 4 mm over the CT's field of view and up to a voxel more, off the CT's own by a random part of one."""
    ahead = rng.uniform(0, PET_VOXEL, 3)
    z, y, x = (o - s / 2 - a for o, s, a in zip(grid.origin, grid.spacing, ahead, strict=True))
    depth, rows, columns = (
        int(np.ceil((n * s + a) / PET_VOXEL)) + 1 for n, s, a in zip(grid.shape, grid.spacing, ahead, strict=True)
    )
    return PhantomGrid((z, y, x), (PET_VOXEL,) * 3, (depth, rows, columns))


def _write_nifti(folder: Path, study: LucidStudy) -> None:
    folder.mkdir()
    for name, volume, grid in (
        ("CT", study.ct, study.grid),
        ("PET", study.pet, study.pet_grid),
        ("GTV", study.gtv, study.grid),
        ("IGTV", study.igtv, study.grid),
        ("HEART", study.heart, study.grid),
    ):
        (sz, sy, sx), (oz, oy, ox) = grid.spacing, grid.origin
        path = folder / f"{name}.nii.gz"
        with NiftiStream(path, grid.shape, (sx, sy, sz), volume.dtype, (ox, oy, oz)) as stream:
            stream.write_all(volume)
