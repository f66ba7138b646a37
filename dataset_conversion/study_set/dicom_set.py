"""A study set as a hospital exports it in DICOM: a folder tree with CT, PET and RTSTRUCT of any number of patients."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.damage import attribute_problems
from nnunet_cipa.dataset_conversion.study_set.dicom_choice import Choice, Export, choose
from nnunet_cipa.dataset_conversion.study_set.dicom_patient import DicomPatient
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.dataset_conversion.study_set.scanner import scanner_columns
from nnunet_cipa.dataset_conversion.study_set.study_set import Key, StudySet
from nnunet_cipa.dicom.files import Headers, scan_folder
from nnunet_cipa.dicom.rtstruct.roi_names import check_pattern
from nnunet_cipa.dicom.series.grouping import group_series
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.dicom.suv.override_file import suv_rules
from nnunet_cipa.errors import CIPAError, refuse


@dataclass(frozen=True)
class Wanted:
    """What to take of every patient.

    Attributes
    ----------
    roi
        The mask that is the truth.
    pattern
        Of its region's name; None for the usual names of an IGTV.
    organs
        Further masks; the region of each has its name, whatever the case.
    series
        UIDs of series that go before others.
    suv
        What counts where the headers of a PET do not tell SUV.
    """

    roi: Roi = Roi.IGTV
    pattern: str | None = None
    organs: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    suv: SuvOptions = field(default_factory=SuvOptions)

    @property
    def patterns(self) -> dict[str, str | None]:
        """For the name of each mask the pattern of its region; the first is the tumour's."""
        tumour = self.pattern if self.pattern is not None or self.roi is Roi.IGTV else self.roi.value
        return {self.roi.value: tumour, **{organ: organ for organ in self.organs}}


def read_dicom_set(source: Path, wanted: Wanted, name: str, test_fraction: float | None, seed: int) -> StudySet:
    """Find the patients by their PatientID and choose their series; no pixel is read.

    Parameters
    ----------
    source
        Folder tree; test.txt in it may list PatientIDs to hold out.
    wanted
        What to take.
    name
        Before the number in the names of cases, which are drawn, so that their order tells nothing.
    test_fraction
        Part of the patients to hold out; None to go by test.txt, or hold out none.
    seed
        Of both draws.

    Raises
    ------
    CIPAError
        If there is no patient, a series that is wanted or a row of --suv-override is of nobody, or the pattern is not
        a regular expression.
    """
    if wanted.pattern is not None:
        check_pattern(wanted.pattern)
    headers = scan_folder(source)
    exports = _by_patient(source, headers)
    _check_wanted(exports, wanted.series)
    nameless = exports.pop("", None)
    rules = suv_rules(wanted.suv, {who: _pet_studies(export) for who, export in exports.items()})
    test = held_out(source, list(exports), test_fraction, seed)
    damage = attribute_problems(source, headers.problems, {who: export.paths for who, export in exports.items()})
    nobodys = [*damage.pop(None, []), *_without_id(nameless)]
    failures = [Failure("unknown", tuple(nobodys))] if nobodys else []
    patients, keys = [], []
    identifiers: set[str] = set()
    for patient_id, case in _draw_names(list(exports), name, seed).items():
        problems = damage.get(patient_id, [])
        try:
            choice = choose(exports[patient_id], wanted.patterns, wanted.series)
            part = "test" if patient_id in test else "train"
            patient = DicomPatient(
                case, part, choice.ct, choice.pet, choice.regions, suv=rules(patient_id, choice.pet.study_uid)
            )
            identifiers |= choice.identifiers
        except CIPAError as error:
            problems.append(str(error))
        if problems:
            failures.append(Failure(patient_id, tuple(problems)))
        else:
            patients.append(patient)
            keys.append(_key(case, part, patient_id, choice, wanted.roi))
    patients.sort(key=lambda patient: patient.name)
    keys.sort(key=lambda key: key.case)
    return StudySet("DICOM", tuple(patients), tuple(failures), read_facts(source), tuple(keys), frozenset(identifiers))


def _by_patient(source: Path, headers: Headers) -> dict[str, Export]:
    series = defaultdict(list)
    structures = defaultdict(list)
    for candidate in group_series(headers.images):
        series[candidate.patient_id].append(candidate)
    for file in headers.structures:
        structures[file.patient_id].append(file)
    exports = {
        patient_id: Export(tuple(series[patient_id]), tuple(structures[patient_id]))
        for patient_id in sorted({*series, *structures})
    }
    if not exports:
        refuse(headers.problems.values())
        others = f" but {sum(headers.others.values())} other DICOM files" if headers.others else ""
        raise CIPAError(
            f"{source}: holds no CT, PET or RTSTRUCT in DICOM, and no folder with NIfTI files, as convert lucid reads "
            f"them{others}; give the folder that holds the patients"
        )
    return exports


def _pet_studies(export: Export) -> set[str]:
    return {one.study_uid for one in export.series if one.modality == "PT"}


def _without_id(export: Export | None) -> Iterator[str]:
    if export is not None:
        # A series is of nobody if its first file is, whatever the others say
        images = [header.path for series in export.series for header in series.headers if not header.patient_id]
        paths = [*images, *(file.path for file in export.structures)]
        yield (
            f"{paths[0]}: has no PatientID, nor have {len(paths) - 1} other files, so whose they are is "
            "not known; give all files of a patient the same one, as pseudonym"
        )


def _check_wanted(exports: Mapping[str, Export], wanted: Sequence[str]) -> None:
    there = {one.series_uid for export in exports.values() for one in export.series}
    refuse(f"--series {uid}: no such series was found; correct it" for uid in wanted if uid not in there)


def _draw_names(patient_ids: Sequence[str], name: str, seed: int) -> dict[str, str]:
    numbers = np.random.default_rng([seed, 2]).permutation(len(patient_ids)) + 1
    digits = max(4, len(str(len(patient_ids))))
    return {patient_id: f"{name}_{number:0{digits}d}" for patient_id, number in zip(patient_ids, numbers, strict=True)}


def _key(case: str, part: str, patient_id: str, choice: Choice, roi: Roi) -> Key:
    return Key(
        case,
        {
            "part": part,
            "patient_id": patient_id,
            "study_uid": choice.ct.study_uid,
            "ct_series_uid": choice.ct.series_uid,
            "pet_series_uid": choice.pet.series_uid,
            "structure_set_uid": choice.structure_set_uid,
            "roi_name": choice.regions[roi.value].roi.name,
            **scanner_columns(choice.pet.slices[0].path),
        },
    )
