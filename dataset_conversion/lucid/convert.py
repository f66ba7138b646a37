"""Converts a radiotherapy PET/CT study set, in DICOM or NIfTI, to nnU-Net's raw format."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.lucid.checks import check_options
from nnunet_cipa.dataset_conversion.lucid.options import Options
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    CONVERTED_BY,
    FOLDERS,
    DatasetFacts,
    folds_warning,
    new_dataset,
    refuse_existing,
    write_dataset_json,
)
from nnunet_cipa.dataset_conversion.pipeline.finished import forget_records, keep_finished
from nnunet_cipa.dataset_conversion.pipeline.splits import FOLDS, make_splits
from nnunet_cipa.dataset_conversion.study_set.case import ORGAN_FOLDERS, CaseJob, provenance, write_case
from nnunet_cipa.dataset_conversion.study_set.check import CheckJob, PatientFacts, check_patient
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.identifiers import refuse_identifiers
from nnunet_cipa.dataset_conversion.study_set.key_table import writing_keys
from nnunet_cipa.dataset_conversion.study_set.nifti_set import is_nifti_layout, read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS, Failure, Patient, StudySet
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.nnunet.raw_folder import dataset_folder
from nnunet_cipa.processes.workers import run_jobs


@dataclass(frozen=True)
class Case:
    """A patient who was found in order, and what was measured."""

    patient: Patient
    facts: PatientFacts


@dataclass(frozen=True)
class Conversion:
    """What was converted: the folder, the cases, who could not be converted, and what to tell the user."""

    folder: Path
    cases: tuple[Case, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]

    def part(self, name: str) -> list[Case]:
        """Return the cases of ``train`` or ``test``."""
        return [case for case in self.cases if case.patient.part == name]


def convert_lucid(source: Path, options: Options | None = None) -> Conversion:
    """Write a study set to ``$nnUNet_raw/DatasetNNN_NAME``, one case a patient.

    Everything is read and checked before anything is written, and the dataset appears under its name only when it is
    complete.

    Parameters
    ----------
    source
        A folder tree with CT, PET and RTSTRUCT in DICOM; or a folder for each patient with CT.nii.gz (HU), PET.nii.gz
        (SUV by body weight, any axial grid in the CT's frame) and IGTV.nii.gz or GTV.nii.gz (0 and 1 on the CT's grid).
    options
        How to convert.

    Raises
    ------
    CIPAError
        If anything is wrong with the source, the options or nnUNet_raw; with ``keep_going``, not for what is wrong
        with single patients, if others are left.
    """
    options = options or Options()
    final = dataset_folder(options.dataset_id, options.name)
    check_options(options, final)
    refuse_existing(final, overwrite=options.overwrite)
    found = _read(source, options)
    cases, failures = _check(found, options)
    train = {case.patient.name: case.facts.size[2] for case in cases if case.patient.part == "train"}
    splits = make_splits(train, options.seed)
    warnings = [*folds_warning(final, splits)]
    if found.keys and options.key_table is None:
        warnings.append("which patient a case is was not written down; give --key-table FILE to have it")
    conversion = Conversion(final, cases, failures, tuple(warnings))
    written = {case.patient.name for case in cases}
    keys = [key for key in found.keys if key.case in written]
    with (
        writing_keys(options.key_table, keys),
        new_dataset(final, overwrite=options.overwrite) as folder,
    ):
        _write(folder, found, conversion, options, splits)
        forget_records(folder)
        refuse_identifiers(folder, written, found.identifiers)
    return conversion


def _write(
    folder: Path, found: StudySet, conversion: Conversion, options: Options, splits: list[dict[str, list[str]]]
) -> None:
    if options.organs:
        for name in ORGAN_FOLDERS.values():
            (folder / name).mkdir(exist_ok=True)
    jobs = [
        CaseJob(folder, found.kind, case.patient, case.facts, options.roi, options.storage, options.organs)
        for case in conversion.cases
    ]
    done = keep_finished(folder, {job.patient.name: provenance(job) for job in jobs})
    jobs = [job for job in jobs if job.patient.name not in done]
    run_jobs(write_case, jobs, options.processes, "writing", lambda job: f"case {job.patient.name}")
    more = {"units": UNITS, "synthetic": found.synthetic, **options.storage.facts()}
    count = len(conversion.part("train"))
    write_dataset_json(
        folder, DatasetFacts(options.name, options.roi.value, options.storage.intensity.channels, count, more)
    )
    write_json(folder / SPLITS, splits)
    write_json(folder / "provenance" / "_dataset.json", _summary(found.kind, conversion, options, more))


def _read(source: Path, options: Options) -> StudySet:
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds the patients")
    if is_nifti_layout(source):
        for name, given in (("series", options.series), ("key-table", options.key_table), ("roi", options.pattern)):
            if given:
                raise CIPAError(f"--{name} {given}: is for DICOM, and {source} holds NIfTI files; leave it out")
        return read_nifti_set(source, options.roi, options.test_fraction, options.seed, options.organs)
    wanted = Wanted(options.roi, options.pattern, options.organs, options.series)
    return read_dicom_set(source, wanted, options.name, options.test_fraction, options.seed)


def _check(found: StudySet, options: Options) -> tuple[tuple[Case, ...], tuple[Failure, ...]]:
    """Read every patient; return those in order and the others, unless the others end the conversion."""
    names = {key.case: key.values["patient_id"] for key in found.keys}
    jobs = [CheckJob(patient, options.roi, options.organs, options.crop) for patient in found.patients]
    cases, failures = [], [*found.failures]
    if not options.keep_going:
        refuse(problem for failure in failures for problem in _told(failure))
    found_in = run_jobs(check_patient, jobs, options.processes, "checking", lambda job: f"case {job.patient.name}")
    for checked in found_in:
        if checked.facts is None:
            name = checked.patient.name
            failures.append(Failure(names.get(name, name), checked.problems))
        else:
            cases.append(Case(checked.patient, checked.facts))
    if not options.keep_going:
        refuse(problem for failure in failures for problem in _told(failure))
    refuse(_duplicates(cases))
    left = sum(case.patient.part == "train" for case in cases)
    if failures and left < FOLDS:
        few = f"{left} patients in order are left to train on, and {FOLDS} folds need as many; correct the others"
        refuse([few, *(problem for failure in failures for problem in _told(failure))])
    return tuple(cases), tuple(failures)


def _told(failure: Failure) -> Iterator[str]:
    return (f"patient {failure.patient}: {problem}" for problem in failure.problems)


def _duplicates(cases: list[Case]) -> Iterator[str]:
    for name in UNITS:
        first: dict[str, Case] = {}
        for case in cases:
            other = first.setdefault(case.facts.voxels_sha256[name], case)
            if other is not case:
                yield (
                    f"{case.patient.where(name)}: has the same voxels as {other.patient.where(name)}; keep one of the "
                    "two patients"
                )


def _summary(kind: str, conversion: Conversion, options: Options, more: dict[str, object]) -> dict[str, object]:
    return {
        "source": f"{kind} study set",
        "converted_by": CONVERTED_BY,
        "roi": options.roi.value,
        "organs": options.organs,
        "crop": options.crop,
        **more,
        "seed": options.seed,
        "test_fraction": options.test_fraction,
        "patients_not_converted": len(conversion.failures),
        "cases": {part: len(conversion.part(part)) for part in FOLDERS},
        "slices": {part: sum(case.facts.size[2] for case in conversion.part(part)) for part in FOLDERS},
        "tumour_slices": {part: sum(case.facts.tumour_slices for case in conversion.part(part)) for part in FOLDERS},
    }
