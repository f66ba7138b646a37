"""A study set as a hospital exports it in DICOM: a folder tree with CT, PET and RTSTRUCT of any number of patients."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.damage import attribute_problems
from nnunet_cipa.dataset_conversion.study_set.dicom_cases import (
    choose_cases,
    make_key,
    make_patient,
    without_identifiers,
)
from nnunet_cipa.dataset_conversion.study_set.dicom_choice import Choice, Wish
from nnunet_cipa.dataset_conversion.study_set.exports import (
    by_patient,
    check_wanted,
    pet_studies,
    whose_images,
    without_id,
)
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.nifti_set import name_fault
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet
from nnunet_cipa.dicom.files import Headers, scan_folder
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_names import check_pattern
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.dicom.suv.override_file import suv_rules
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Wanted:
    """What to take of every patient.

    Attributes
    ----------
    roi
        The mask that is the truth; None for images alone, of patients who are to be predicted and all held out.
    pattern
        Of its region's name; None for the usual names of an IGTV.
    organs
        Further masks; the region of each has its name, whatever the case.
    series
        UIDs of series that go before others.
    suv
        What counts where the headers of a PET do not tell SUV.
    structure_sets
        Which of several structure sets or segmentations counts (see ``SetWish``).
    per_study
        Make a case of each study that has the region, not of each patient.
    threshold
        The least fraction that counts as inside, for segmentations that are FRACTIONAL; None to refuse them.
    preferred
        ``ct`` and ``pet``: on which of them a structure set should have been drawn, where several are left.
    joined
        Pattern of a region that is joined to the tumour where the structure set has it.
    by_frame
        Take a region onto the only CT in its frame of reference, whatever it was drawn on (see ``Wish``).
    pseudonymous
        PatientIDs are the pseudonyms of a public data set, and names of the cases too where they can be.
    missing_slices
        What to do where slices of a region were left out.
    """

    roi: Roi | None = Roi.IGTV
    pattern: str | None = None
    organs: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    suv: SuvOptions = field(default_factory=SuvOptions)
    structure_sets: tuple[str, ...] = ()
    per_study: bool = False
    threshold: float | None = None
    preferred: tuple[str, ...] = ()
    joined: str | None = None
    by_frame: bool = False
    pseudonymous: bool = False
    missing_slices: MissingSlices = MissingSlices.REFUSE

    @property
    def patterns(self) -> dict[str, str | None]:
        """Pattern of the region of each mask (see ``Wish``)."""
        if self.roi is None:
            return {}
        tumour = self.pattern if self.pattern is not None or self.roi is Roi.IGTV else self.roi.value
        return {self.roi.value: tumour, **{organ: organ for organ in self.organs}}

    @property
    def wish(self) -> Wish:
        """The same as the choice takes it."""
        return Wish(
            patterns=self.patterns,
            series=self.series,
            structure_sets=self.structure_sets,
            threshold=self.threshold,
            preferred=self.preferred,
            joined=self.joined,
            by_frame=self.by_frame,
        )


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
        If there is no patient, a series or structure set that is wanted or a row of --suv-override is of nobody, or the
        pattern is not a regular expression.
    """
    if wanted.pattern is not None:
        check_pattern(wanted.pattern)
    headers = scan_folder(source)
    exports = by_patient(source, headers)
    check_wanted(exports, wanted.series, wanted.structure_sets)
    nameless = exports.pop("", None)
    rules = suv_rules(wanted.suv, {who: pet_studies(export) for who, export in exports.items()})
    test = {*exports} if wanted.roi is None else held_out(source, list(exports), test_fraction, seed)
    damage = attribute_problems(source, headers.problems, {who: export.paths for who, export in exports.items()})
    nobodys = [*damage.pop(None, []), *without_id(nameless)]
    failures = [Failure("unknown", tuple(nobodys))] if nobodys else []
    patients, keys = [], []
    identifiers: set[str] = set()
    for patient_id, subject in _names(list(exports), wanted, name, seed).items():
        part = "test" if patient_id in test else "train"
        problems = damage.get(patient_id, [])
        chosen: Mapping[str, Choice] = {}
        try:
            chosen = choose_cases(exports[patient_id], wanted.wish, subject, per_study=wanted.per_study)
            suv = {case: rules(patient_id, choice.pet.study_uid) for case, choice in chosen.items()}
        except CIPAError as error:
            problems.append(f"{error}{whose_images(exports, patient_id)}")
        if problems:
            failures.append(Failure(patient_id, tuple(problems)))
            continue
        for case, choice in chosen.items():
            identifiers |= choice.identifiers
            keys.append(make_key(case, part, patient_id, choice))
            patient = make_patient(case, part, subject, choice)
            patients.append(replace(patient, suv=suv[case], missing_slices=wanted.missing_slices))
    patients.sort(key=lambda patient: patient.name)
    keys.sort(key=lambda key: key.case)
    told = tuple(without_identifiers(patient, frozenset(identifiers)) for patient in patients)
    return StudySet(
        kind="DICOM",
        patients=told,
        failures=tuple(failures),
        synthetic=read_facts(source),
        keys=tuple(keys),
        identifiers=frozenset(identifiers),
        passed_over=headers.others if wanted.roi is not None else _with_structures(headers),
    )


def _with_structures(headers: Headers) -> dict[str, int]:
    """Return the kinds of files that no case is made of, where structure sets and segmentations are among them."""
    return {**headers.others, **Counter(file.kind for file in headers.structures)}


def _names(patient_ids: Sequence[str], wanted: Wanted, name: str, seed: int) -> dict[str, str]:
    """Return the name of each patient for cases."""
    if wanted.pseudonymous and all(name_fault(Path(), patient_id) is None for patient_id in patient_ids):
        return {patient_id: patient_id for patient_id in patient_ids}
    return _draw_names(patient_ids, name, seed)


def _draw_names(patient_ids: Sequence[str], name: str, seed: int) -> dict[str, str]:
    numbers = np.random.default_rng([seed, 2]).permutation(len(patient_ids)) + 1
    digits = max(4, len(str(len(patient_ids))))
    return {patient_id: f"{name}_{number:0{digits}d}" for patient_id, number in zip(patient_ids, numbers, strict=True)}
