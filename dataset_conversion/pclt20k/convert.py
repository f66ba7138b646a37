"""Converts PCLT20K to nnU-Net's raw format."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.pclt20k.case import Pclt20kCaseJob
from nnunet_cipa.dataset_conversion.pclt20k.check import (
    CheckedSlices,
    Pclt20kCheckJob,
    check_patient_slices,
    split_at_gaps,
)
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity, Options
from nnunet_cipa.dataset_conversion.pclt20k.source import Source, read_source
from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion
from nnunet_cipa.dataset_conversion.pipeline.dataset import NewDataset, place, write_dataset
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import CONVERTED_BY, FOLDERS, DatasetFacts, folds_warning
from nnunet_cipa.dataset_conversion.pipeline.folds import Folds, TrainingPatient, make_folds
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.nnunet.intensities import PAPER_HU
from nnunet_cipa.processes.workers import run_jobs

LICENCE = "PCLT20K is for non-commercial research; see its own terms"
REFERENCE = "Cross-Modal Interactive Perception Network with Mamba (CVPR 2025), arXiv 2503.17261"


@dataclass(frozen=True, kw_only=True)
class Pclt20kConversion(Conversion):
    """PCLT20K converted: patients, their sections, which are the cases, PNG files of no list, and file names' ends."""

    patients: tuple[CheckedSlices, ...]
    sections: tuple[CheckedSlices, ...]
    unlisted: tuple[str, ...]
    endings: Mapping[str, str]

    def cases(self, part: str) -> list[CheckedSlices]:
        """Return the cases of ``train`` or ``test``: patients, or their sections."""
        return _part(self.sections, part)


def convert_pclt20k(source: Path, options: Options | None = None) -> Pclt20kConversion:
    """Write PCLT20K to ``$nnUNet_raw/DatasetNNN_NAME``, one case per patient or section of one.

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
    if len(options.spacing) != 3 or not all(math.isfinite(s) and 0.01 <= s <= 100 for s in options.spacing):
        raise CIPAError(f"--spacing {options.spacing}: give three lengths in mm (x y z) from 0.01 to 100")
    final = place(options)
    found = read_source(source)
    patients = _check(found, options)
    sections = tuple(
        s for patient in patients for s in (split_at_gaps(patient) if options.split_at_gaps else [patient])
    )
    folds = make_folds(_training_patients(_part(sections, "train")), options)
    conversion = Pclt20kConversion(
        folder=final,
        written=len(sections),
        told=(*_told(patients, sections), *folds.told(), f"written to {final}"),
        warnings=tuple(_warnings(found, final, folds)),
        patients=patients,
        sections=sections,
        unlisted=found.unlisted,
        endings=found.endings,
    )
    write_dataset(final, _dataset(found, conversion, options, folds), options)
    return conversion


def _training_patients(sections: list[CheckedSlices]) -> list[TrainingPatient]:
    cases: dict[str, dict[str, int]] = {}
    for section in sections:
        cases.setdefault(section.patient.patient, {})[section.case] = len(section.facts)
    return [TrainingPatient(patient, patient, own) for patient, own in cases.items()]


def _part(cases: tuple[CheckedSlices, ...], name: str) -> list[CheckedSlices]:
    return [case for case in cases if case.patient.part == name]


def _dataset(found: Source, conversion: Pclt20kConversion, options: Options, folds: Folds) -> NewDataset:
    def jobs(folder: Path) -> list[Pclt20kCaseJob]:
        return [
            Pclt20kCaseJob(found.root, folder, case, options.spacing, options.intensity) for case in conversion.sections
        ]

    provenance = _summary(conversion, options) | folds.facts()
    return NewDataset(_facts(conversion, options), folds.splits, provenance, jobs)


def _check(found: Source, options: Options) -> tuple[CheckedSlices, ...]:
    jobs = [Pclt20kCheckJob(found.root, patient) for patient in found.patients]
    named = run_jobs(
        check_patient_slices, jobs, options.processes, "checking", lambda job: f"patient {job.patient.patient}"
    )
    checked = tuple(named)
    refuse(problem for case in checked for problem in case.problems)
    return checked


def _facts(conversion: Pclt20kConversion, options: Options) -> DatasetFacts:
    more: dict[str, object] = {
        "reference": REFERENCE,
        "license": LICENCE,
        "intensity": options.intensity.value,
        # Its SUV are not published
        "hu_window": PAPER_HU if options.intensity is Intensity.PAPER else None,
        "suv_range": None,
        "spacing_mm": options.spacing,
        "spacing_assumed": True,
    }
    return DatasetFacts(options.name, "GTV", options.intensity.channels, len(conversion.cases("train")), more)


def _summary(conversion: Pclt20kConversion, options: Options) -> dict[str, object]:
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
        "file_endings": conversion.endings,
    }


def _warnings(found: Source, final: Path, folds: Folds) -> Iterator[str]:
    if found.unlisted:
        yield (
            f"{found.root}: {len(found.unlisted)} PNG files belong to no listed slice and were left out, the first is "
            f"{found.unlisted[0]}; provenance/_dataset.json names them all"
        )
    yield from folds_warning(final, folds)


def _told(patients: tuple[CheckedSlices, ...], sections: tuple[CheckedSlices, ...]) -> Iterator[str]:
    for part, (images, _) in FOLDERS.items():
        cases = _part(sections, part)
        slices = sum(len(case.facts) for case in cases)
        gaps = [len(patient.gaps) for patient in _part(patients, part)]
        yield (
            f"{part}: {len(cases)} cases, {slices} slices in {images}; {sum(gaps)} suspected gaps in "
            f"{sum(count > 0 for count in gaps)} of {len(gaps)} patients"
        )
