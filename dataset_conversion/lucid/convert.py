"""Converts a radiotherapy PET/CT study set in NIfTI to nnU-Net's raw format."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.errors import CIPAError

from ..dataset_files import (
    CONVERTED_BY,
    FOLDERS,
    DatasetFacts,
    check_run,
    folds_warning,
    new_dataset,
    refuse_existing,
    write_dataset_json,
    write_json,
)
from ..nnunet_folder import dataset_folder
from ..problems import refuse
from ..splits import make_splits
from ..workers import default_processes, run_jobs
from .case import LOWEST_HU, ORGAN_FOLDERS, CaseJob, Storage, write_case
from .check import CheckedPatient, CheckJob, PatientFacts, check_patient
from .source import UNITS, PatientFiles, Roi, StudySet, read_study_set


@dataclass(frozen=True)
class Options:
    """How to convert.

    Attributes
    ----------
    dataset_id, name
        Of the folder ``DatasetNNN_NAME``.
    roi
        The mask that becomes the label.
    organs
        Further masks, of ``ORGANS``, that are written beside the label, to organsTr and organsTs.
    storage
        How intensities are stored.
    crop
        Cut the cases to the patient's outline in the axial plane.
    test_fraction
        Part of the patients to hold out; None to go by test.txt, or hold out none.
    seed
        Of the five folds and of ``test_fraction``.
    processes
        Number of processes.
    overwrite
        Replace an existing dataset.
    """

    dataset_id: int = 702
    name: str = "LUCID"
    roi: Roi = Roi.IGTV
    organs: tuple[str, ...] = ()
    storage: Storage = field(default_factory=Storage)
    crop: bool = False
    test_fraction: float | None = None
    seed: int = 12345
    processes: int = field(default_factory=default_processes)
    overwrite: bool = False


@dataclass(frozen=True)
class Case:
    """A patient who was found in order, and what was measured."""

    files: PatientFiles
    facts: PatientFacts


@dataclass(frozen=True)
class Conversion:
    """What was converted: the folder, the cases, and what to tell the user."""

    folder: Path
    cases: tuple[Case, ...]
    warnings: tuple[str, ...]

    def part(self, name: str) -> list[Case]:
        """Return the cases of ``train`` or ``test``."""
        return [case for case in self.cases if case.files.part == name]


def convert_lucid(source: Path, options: Options | None = None) -> Conversion:
    """Write a study set of NIfTI files to ``$nnUNet_raw/DatasetNNN_NAME``, one case a patient.

    Everything is read and checked before anything is written, and the dataset appears under its name only when it is
    complete.

    Parameters
    ----------
    source
        A folder for each patient with CT.nii.gz (HU), PET.nii.gz (SUV by body weight, any axial grid in the CT's frame)
        and IGTV.nii.gz or GTV.nii.gz (0 and 1 on the CT's grid).
    options
        How to convert.

    Raises
    ------
    CIPAError
        If anything is wrong with the source, the options or nnUNet_raw.
    """
    options = options or Options()
    _check_options(options)
    final = dataset_folder(options.dataset_id, options.name)
    refuse_existing(final, overwrite=options.overwrite)
    found = read_study_set(source, options.roi, options.test_fraction, options.seed, options.organs)
    cases = _check(found, options)
    train = {case.files.name: case.facts.size[2] for case in cases if case.files.part == "train"}
    splits = make_splits(train, options.seed)
    conversion = Conversion(final, cases, tuple(folds_warning(final, splits)))
    with new_dataset(final, overwrite=options.overwrite) as folder:
        if options.organs:
            for name in ORGAN_FOLDERS.values():
                (folder / name).mkdir()
        jobs = [
            CaseJob(folder, case.files, case.facts, options.roi, options.storage, options.organs, options.crop)
            for case in cases
        ]
        run_jobs(write_case, jobs, options.processes, "writing")
        more = {"units": UNITS, "synthetic": found.synthetic, **options.storage.facts()}
        write_dataset_json(
            folder,
            DatasetFacts(options.name, options.roi.value, options.storage.intensity.channel_names, len(train), more),
        )
        write_json(folder / "splits_final.json", splits)
        write_json(folder / "provenance" / "_dataset.json", _summary(conversion, options, more))
    return conversion


def _check_options(options: Options) -> None:
    check_run(options.processes, options.seed)
    storage = options.storage
    for name, limits, least in (("hu-window", storage.hu_window, LOWEST_HU), ("suv-range", storage.suv_range, 0.0)):
        low, high = limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high and high > least):
            raise CIPAError(f"--{name} {low:g} {high:g}: give a lower and a higher number, the higher above {least:g}")


def _check(found: StudySet, options: Options) -> tuple[Case, ...]:
    jobs = [CheckJob(files, options.roi, options.organs) for files in found.patients]
    checked = run_jobs(check_patient, jobs, options.processes, "checking")
    refuse(problem for patient in checked for problem in patient.problems)
    cases = tuple(_case(patient) for patient in checked)
    refuse(_duplicates(cases))
    return cases


def _case(patient: CheckedPatient) -> Case:
    if patient.facts is None:
        raise ValueError(f"{patient.files.name} has problems")
    return Case(patient.files, patient.facts)


def _duplicates(cases: tuple[Case, ...]) -> Iterator[str]:
    for name in UNITS:
        first: dict[str, Case] = {}
        for case in cases:
            other = first.setdefault(case.facts.voxels_sha256[name], case)
            if other is not case:
                yield (
                    f"{case.files.path(name)}: has the same voxels as {other.files.path(name)}; keep one of the two "
                    "patients"
                )


def _summary(conversion: Conversion, options: Options, more: dict[str, object]) -> dict[str, object]:
    return {
        "source": "NIfTI study set",
        "converted_by": CONVERTED_BY,
        "roi": options.roi.value,
        "organs": options.organs,
        "crop": options.crop,
        **more,
        "seed": options.seed,
        "test_fraction": options.test_fraction,
        "cases": {part: len(conversion.part(part)) for part in FOLDERS},
        "slices": {part: sum(case.facts.size[2] for case in conversion.part(part)) for part in FOLDERS},
        "tumour_slices": {part: sum(case.facts.tumour_slices for case in conversion.part(part)) for part in FOLDERS},
    }
