"""The checking pass over one patient of PCLT20K: every file is read, nothing is written."""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from nnunet_cipa.dataset_conversion.pclt20k.gaps import SliceChange, measure_step, suspect_gaps
from nnunet_cipa.dataset_conversion.pclt20k.slice import SliceFacts, SliceImages, describe_slice, read_slice
from nnunet_cipa.dataset_conversion.pclt20k.source import PatientSlices
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Pclt20kCheckJob:
    """A patient to check and the folder its own folder lies in."""

    root: Path
    patient: PatientSlices


@dataclass(frozen=True)
class CheckedSlices:
    """A patient after the checking pass, or a section of one.

    Attributes
    ----------
    patient
        The names of the slices.
    facts, steps
        What was measured of each slice and between neighbours; whole only if there are no ``problems``.
    gaps
        Indices of the slices after which slices seem to be missing.
    problems
        What is wrong, a line each.
    section
        Number of a section between gaps, from 1; None for a whole patient.
    """

    patient: PatientSlices
    facts: tuple[SliceFacts, ...]
    steps: tuple[SliceChange, ...]
    gaps: tuple[int, ...]
    problems: tuple[str, ...]
    section: int | None = None

    @property
    def case(self) -> str:
        """Name of the case: the patient's, and the section's number after an underscore."""
        return self.patient.patient if self.section is None else f"{self.patient.patient}_{self.section}"

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of every slice."""
        return self.facts[0].size


def check_patient_slices(job: Pclt20kCheckJob) -> CheckedSlices:
    """Read all slices of a patient, measure them and collect what is wrong with them."""
    facts: list[SliceFacts] = []
    steps: list[SliceChange] = []
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
    return CheckedSlices(job.patient, tuple(facts), tuple(steps), tuple(suspect_gaps(steps)), tuple(problems))


def split_at_gaps(checked: CheckedSlices) -> list[CheckedSlices]:
    """Cut a patient at its suspected gaps into sections; one without gaps stays whole."""
    if not checked.gaps:
        return [checked]
    edges = [0, *(gap + 1 for gap in checked.gaps), len(checked.facts)]
    return [
        replace(
            checked,
            patient=replace(checked.patient, slices=checked.patient.slices[first:end]),
            facts=checked.facts[first:end],
            steps=checked.steps[first : end - 1],
            gaps=(),
            section=section,
        )
        for section, (first, end) in enumerate(pairwise(edges), start=1)
    ]


def _check_size(path: Path, fact: SliceFacts, before: list[SliceFacts]) -> None:
    if before and fact.size != before[0].size:
        sizes = "{} x {} pixels, but {} x {} in".format(*fact.size, *before[0].size)
        raise CIPAError(f"{path}: {sizes} {before[0].name}; all slices of a patient must have one size")
