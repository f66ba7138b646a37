"""Converts PCLT20K to nnU-Net's raw format."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.pclt20k.case import CaseJob, provenance, write_case
from nnunet_cipa.dataset_conversion.pclt20k.check import CheckedPatient, CheckJob, check_patient, split_at_gaps
from nnunet_cipa.dataset_conversion.pclt20k.options import Options
from nnunet_cipa.dataset_conversion.pclt20k.source import Source, read_source
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    CONVERTED_BY,
    FOLDERS,
    DatasetFacts,
    check_run,
    folds_warning,
    new_dataset,
    refuse_existing,
    write_dataset_json,
)
from nnunet_cipa.dataset_conversion.pipeline.finished import keep_finished
from nnunet_cipa.dataset_conversion.pipeline.splits import make_splits, name_cases
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.nnunet.raw_folder import dataset_folder
from nnunet_cipa.processes.workers import run_jobs

LICENCE = "PCLT20K is for non-commercial research; see its own terms"
REFERENCE = "Cross-Modal Interactive Perception Network with Mamba (CVPR 2025), arXiv 2503.17261"


@dataclass(frozen=True)
class Conversion:
    """What was converted: the folder, all patients, their sections, which are the cases, and what to tell the user.

    ``unlisted`` are PNG files that no list names.
    """

    folder: Path
    patients: tuple[CheckedPatient, ...]
    sections: tuple[CheckedPatient, ...]
    unlisted: tuple[str, ...]
    warnings: tuple[str, ...]

    def cases(self, part: str) -> list[CheckedPatient]:
        """Return the cases of ``train`` or ``test``: patients, or their sections."""
        return [checked for checked in self.sections if checked.patient.part == part]


def convert_pclt20k(source: Path, options: Options | None = None) -> Conversion:
    """Write PCLT20K to ``$nnUNet_raw/DatasetNNN_NAME``, one case a patient or a section of one.

    Everything is read and checked before anything is written, and the dataset appears under its name only when it is
    complete.

    Parameters
    ----------
    source
        The folder that holds train.txt, test.txt and a folder for each patient, or the folder above it.
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
    found = read_source(source)
    checked = _check(found, options)
    train = {case.patient.patient: len(case.facts) for case in checked if case.patient.part == "train"}
    sections = tuple(s for case in checked for s in (split_at_gaps(case) if options.split_at_gaps else [case]))
    cases: dict[str, list[str]] = {}
    for section in sections:
        cases.setdefault(section.patient.patient, []).append(section.case)
    splits = name_cases(make_splits(train, options.seed), cases)
    conversion = Conversion(final, checked, sections, found.unlisted, tuple(_warnings(found, final, splits)))
    with new_dataset(final, overwrite=options.overwrite) as folder:
        jobs = [CaseJob(found.root, folder, case, options.spacing, options.intensity) for case in sections]
        done = keep_finished(folder, {job.checked.case: provenance(job) for job in jobs})
        jobs = [job for job in jobs if job.checked.case not in done]
        run_jobs(write_case, jobs, options.processes, "writing", lambda job: f"case {job.checked.case}")
        write_dataset_json(folder, _facts(conversion, options))
        write_json(folder / SPLITS, splits)
        write_json(folder / "provenance" / "_dataset.json", _summary(conversion, options))
    return conversion


def _check_options(options: Options) -> None:
    if len(options.spacing) != 3 or not all(math.isfinite(s) and 0.01 <= s <= 100 for s in options.spacing):
        raise CIPAError(f"--spacing {options.spacing}: give three lengths in mm (x y z) from 0.01 to 100")
    check_run(options.processes, options.seed)


def _check(found: Source, options: Options) -> tuple[CheckedPatient, ...]:
    jobs = [CheckJob(found.root, patient) for patient in found.patients]
    named = run_jobs(check_patient, jobs, options.processes, "checking", lambda job: f"patient {job.patient.patient}")
    checked = tuple(named)
    refuse(problem for case in checked for problem in case.problems)
    return checked


def _facts(conversion: Conversion, options: Options) -> DatasetFacts:
    more: dict[str, object] = {
        "reference": REFERENCE,
        "license": LICENCE,
        "intensity": options.intensity.value,
        "spacing_mm": options.spacing,
        "spacing_assumed": True,
    }
    return DatasetFacts(options.name, "GTV", options.intensity.channels, len(conversion.cases("train")), more)


def _summary(conversion: Conversion, options: Options) -> dict[str, object]:
    return {
        "source": "PCLT20K",
        "converted_by": CONVERTED_BY,
        "licence": LICENCE,
        "intensity": options.intensity.value,
        "spacing_mm": options.spacing,
        "spacing_assumed": True,
        "seed": options.seed,
        "cases": {part: len(conversion.cases(part)) for part in FOLDERS},
        "slices": {part: sum(len(case.facts) for case in conversion.cases(part)) for part in FOLDERS},
        "patients": {part: sum(p.patient.part == part for p in conversion.patients) for part in FOLDERS},
        "split_at_gaps": options.split_at_gaps,
        "suspected_gaps": sum(len(patient.gaps) for patient in conversion.patients),
        "mask_pixels_between": sum(fact.between for case in conversion.patients for fact in case.facts),
        "stored_as_rgb": sum(len(fact.rgb) for case in conversion.patients for fact in case.facts),
        "unlisted_files": conversion.unlisted,
    }


def _warnings(found: Source, final: Path, splits: list[dict[str, list[str]]]) -> Iterator[str]:
    if found.unlisted:
        yield (
            f"{found.root}: {len(found.unlisted)} PNG files belong to no listed slice and were left out, the first is "
            f"{found.unlisted[0]}; provenance/_dataset.json names them all"
        )
    yield from folds_warning(final, splits)
