"""Converts a PET/CT study set, whatever its layout, to nnU-Net's raw format."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion, Failure
from nnunet_cipa.dataset_conversion.pipeline.dataset import place, write_dataset
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import FOLDERS, folds_warning
from nnunet_cipa.dataset_conversion.pipeline.folds import Folds, TrainingPatient, make_folds
from nnunet_cipa.dataset_conversion.study_set.check_all import Case, check_all
from nnunet_cipa.dataset_conversion.study_set.dataset import left_out, of_part, study_dataset, tumour_slices
from nnunet_cipa.dataset_conversion.study_set.identifiers import refuse_identifiers
from nnunet_cipa.dataset_conversion.study_set.key_table import check_key_table_place, writing_keys
from nnunet_cipa.dataset_conversion.study_set.options import LOWEST_HU, Storage, StudySetOptions
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True, kw_only=True)
class StudyConversion(Conversion):
    """A study set that was converted, with what was measured of its cases."""

    cases: tuple[Case, ...]

    def part(self, name: str) -> list[Case]:
        """Return the cases of ``train`` or ``test``."""
        return of_part(self.cases, name)


def convert_study_set(
    read: Callable[[], StudySet], options: StudySetOptions, key_table: Path | None = None
) -> StudyConversion:
    """Write a study set to ``$nnUNet_raw/DatasetNNN_NAME``, one case per patient.

    Everything is read and checked before anything is written, and the dataset appears under its name only when it is
    complete.

    Parameters
    ----------
    read
        Finds the patients; it is called when the options have been checked.
    options
        How to convert.
    key_table
        File for the table that tells which patient a case is, where cases have names of their own.

    Raises
    ------
    CIPAError
        If anything is wrong with the source, the options or nnUNet_raw; with ``keep_going``, not for what is wrong
        with single patients, if others are left.
    """
    final = place(options)
    if key_table is not None:
        check_key_table_place(key_table, final, overwrite=options.overwrite)
    _check_storage(options.storage)
    found = read()
    cases, failures = check_all(found, options)
    warnings = [*_noted(found, cases)]
    folds = Folds([])
    if options.label is not None:
        folds = make_folds(_training_patients(found, of_part(cases, "train")), options)
        warnings += folds_warning(final, folds)
    if found.keys and key_table is None:
        warnings.append("which patient a case is was not written down; give --key-table FILE to have it")
    written = {name for case in cases for name in (case.name, case.patient.subject)}
    keys = [key for key in found.keys if key.case in written]
    with writing_keys(key_table, keys):
        dataset = study_dataset(found, cases, failures, options, folds)
        check = partial(refuse_identifiers, cases=written, identifiers=found.identifiers)
        write_dataset(final, dataset, options, check)
    told = (
        *_told(cases, options),
        *(() if options.label is None else _without_tumour(found, cases, failures)),
        *(f"passed over: {count} files of {kind}" for kind, count in found.passed_over.items()),
        *folds.told(),
        f"written to {final}",
    )
    return StudyConversion(
        folder=final, written=len(cases), told=told, warnings=tuple(warnings), failures=failures, cases=cases
    )


def _check_storage(storage: Storage) -> None:
    for name, limits, least in (("hu-window", storage.hu_window, LOWEST_HU), ("suv-range", storage.suv_range, 0.0)):
        low, high = limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high and high > least):
            raise CIPAError(f"--{name} {low:g} {high:g}: give a lower and a higher number, the higher above {least:g}")


def _training_patients(found: StudySet, cases: list[Case]) -> list[TrainingPatient]:
    """Return whose the cases are, as all studies of a patient are in one fold."""
    studies: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        studies[case.patient.subject].append(case)
    keys = {key.case: key.values for key in found.keys}
    patients = []
    for name, own in studies.items():
        groups: dict[str, list[str]] = defaultdict(list)
        for case in own:
            for column, value in {**keys.get(case.name, keys.get(name, {})), **found.groups.get(case.name, {})}.items():
                groups[column].append(value)
        known_as = found.known_as.get(own[0].name, found.known_as.get(name, name))
        patients.append(TrainingPatient(name, known_as, {case.name: case.facts.size[2] for case in own}, groups))
    return patients


def _noted(found: StudySet, cases: tuple[Case, ...]) -> Iterator[str]:
    for case in cases:
        who = found.known_as.get(case.name, case.name)
        for volume, notes in case.facts.notes.items():
            yield from (f"patient {who}: {case.patient.where(volume)}: {note}" for note in notes)


def _without_tumour(found: StudySet, cases: tuple[Case, ...], failures: tuple[Failure, ...]) -> Iterator[str]:
    kept = sum(not case.facts.tumour_slices for case in cases)
    gone = left_out(found, cases, failures)
    if kept or gone:
        yield f"without tumour: {kept} cases kept as background, {gone} left out"


def _told(cases: tuple[Case, ...], options: StudySetOptions) -> Iterator[str]:
    for name, (images, _) in FOLDERS.items():
        part = of_part(cases, name)
        line = f"{name}: {len(part)} cases, {sum(case.facts.size[2] for case in part)} slices in {images}"
        if options.label is not None:
            yield f"{line}, {tumour_slices(part)} of them with {options.label.value}"
        elif part:
            yield f"{line}, without labels"
