"""The checking pass over one patient of PCLT20K: every file is read, nothing is written."""

from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.errors import CIPAError

from .gaps import Step, measure_step
from .pclt20k_slice import SliceFacts, SliceImages, describe_slice, read_slice
from .pclt20k_source import PatientSlices


@dataclass(frozen=True)
class CheckJob:
    """A patient to check and the folder its own folder lies in."""

    root: Path
    patient: PatientSlices


@dataclass(frozen=True)
class CheckedPatient:
    """A patient after the checking pass; ``facts`` and ``steps`` are whole only if there are no ``problems``."""

    patient: PatientSlices
    facts: tuple[SliceFacts, ...]
    steps: tuple[Step, ...]
    problems: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of every slice."""
        return self.facts[0].size


def check_patient(job: CheckJob) -> CheckedPatient:
    """Read all slices of a patient, measure them and collect what is wrong with them."""
    facts: list[SliceFacts] = []
    steps: list[Step] = []
    problems: list[str] = []
    before: SliceImages | None = None
    for name in job.patient.slices:
        try:
            images = read_slice(job.root, name)
            fact = describe_slice(name, images)
            _check_size(name.path(job.root, "CT"), fact, facts)
        except CIPAError as error:
            problems.append(str(error))
            continue
        facts.append(fact)
        if before is not None:
            steps.append(measure_step((before.ct, before.tumour), (images.ct, images.tumour)))
        before = images
    return CheckedPatient(job.patient, tuple(facts), tuple(steps), tuple(problems))


def _check_size(path: Path, fact: SliceFacts, before: list[SliceFacts]) -> None:
    if before and fact.size != before[0].size:
        sizes = "{} x {} pixels, but {} x {} in".format(*fact.size, *before[0].size)
        raise CIPAError(f"{path}: {sizes} {before[0].name}; all slices of a patient must have one size")
