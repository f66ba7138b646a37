"""The checking pass over all patients of a study set."""

from collections.abc import Iterator
from dataclasses import dataclass

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.check import PatientFacts, StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.options import StudySetOptions, WithoutTumour
from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS, Patient, StudySet
from nnunet_cipa.errors import refuse
from nnunet_cipa.processes.workers import run_jobs


@dataclass(frozen=True)
class Case:
    """A patient who was found in order, and what was measured."""

    patient: Patient
    facts: PatientFacts

    @property
    def name(self) -> str:
        """Name of the case."""
        return self.patient.name


def check_all(found: StudySet, options: StudySetOptions) -> tuple[tuple[Case, ...], tuple[Failure, ...]]:
    """Read every patient, and return those in order and the others, unless the others end the conversion.

    Raises
    ------
    CIPAError
        If some cannot be converted and it is not to go on without them, if none is left to train on, or if two
        patients have the same voxels.
    """
    may_be_empty = options.without_tumour is not WithoutTumour.REFUSE
    jobs = [
        StudyCheckJob(
            patient,
            options.label,
            options.organs,
            options.crop,
            may_be_empty,
            options.highest_suv,
            options.least_pet_cover,
        )
        for patient in found.patients
    ]
    cases, failures = [], [*found.failures]
    if not options.keep_going:
        refuse(_problems(failures))
    found_in = run_jobs(check_study, jobs, options.processes, "checking", lambda job: f"case {job.patient.name}")
    for checked in found_in:
        if checked.facts is None:
            name = checked.patient.name
            failures.append(Failure(found.known_as.get(name, name), checked.problems))
        else:
            cases.append(Case(checked.patient, checked.facts))
    if not options.keep_going:
        refuse(_problems(failures))
    refuse(_duplicates(cases))
    if options.without_tumour is WithoutTumour.LEAVE_OUT:
        cases = [case for case in cases if case.facts.tumour_slices]
    left = cases if options.label is None else [case for case in cases if case.patient.part == "train"]
    if failures and not left:
        of_use = "" if options.label is None else " to train on"
        refuse([f"no patient in order is left{of_use}; correct the others", *_problems(failures)])
    return tuple(cases), tuple(failures)


def _problems(failures: list[Failure]) -> Iterator[str]:
    return (f"patient {failure.patient}: {problem}" for failure in failures for problem in failure.problems)


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
