"""The folds of a dataset: drawn by patient, or one for each centre, scanner or the like that is left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nnunet_cipa.dataset_conversion.pipeline.groups import Grouping, read_grouping
from nnunet_cipa.dataset_conversion.pipeline.options import ConversionOptions
from nnunet_cipa.dataset_conversion.pipeline.splits import Splits, leave_out, make_splits, name_cases
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class TrainingPatient:
    """A patient to train on.

    Attributes
    ----------
    name
        By which the folds are drawn.
    known_as
        The name by which the user knows the patient.
    cases
        Names of the cases, each with its number of slices.
    groups
        What is known of centre, scanner and the like, by the names of columns: a value, or several of several studies.
    """

    name: str
    known_as: str
    cases: Mapping[str, int]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Folds:
    """The folds by cases, and the value of ``--group`` that each leaves out; none where the folds are drawn."""

    splits: Splits
    left_out: tuple[str, ...] = ()
    column: str = ""

    def facts(self, hidden: Sequence[str] = ()) -> dict[str, object]:
        """Return what the provenance says of them; groups that are ``hidden`` have their numbers alone."""
        groups = [f"group {fold}" if group in hidden else group for fold, group in enumerate(self.left_out)]
        return {"folds_leave_out": {"column": self.column, "groups": groups} if groups else None}

    def told(self) -> Iterator[str]:
        """Tell which fold leaves out which group."""
        if self.left_out:
            listed = ", ".join(f"{fold} {group}" for fold, group in enumerate(self.left_out))
            numbers = " ".join(str(fold) for fold in range(len(self.left_out)))
            yield f"folds that leave out one {self.column} each: {listed}; give nnUNetv2_predict -f {numbers}"


def make_folds(patients: Sequence[TrainingPatient], options: ConversionOptions) -> Folds:
    """Draw folds by patient, or leave out one group after the other.

    Raises
    ------
    CIPAError
        If there is nobody to train on, or with a group: if its table or column is not there, a patient has no value or
        several, or all have the same one.
    """
    grouping = read_grouping(options.group, options.group_table)
    if grouping is None:
        slices = {patient.name: sum(patient.cases.values()) for patient in patients}
        return Folds(_by_cases(make_splits(slices, options.seed), patients))
    return _leave_one_out(patients, grouping)


def _leave_one_out(patients: Sequence[TrainingPatient], grouping: Grouping) -> Folds:
    found = grouping.of({patient.known_as: patient.groups for patient in patients})
    if len(found) < 2:
        raise CIPAError(
            f"--group {grouping.column}: all patients to train on have the value {next(iter(found), '')!r}, and folds "
            "need two values; choose another column, or leave it out"
        )
    left_out = tuple(sorted(found))
    names = {patient.known_as: patient.name for patient in patients}
    splits = leave_out([[names[known_as] for known_as in found[group]] for group in left_out])
    return Folds(_by_cases(splits, patients), left_out, grouping.column)


def _by_cases(splits: Splits, patients: Sequence[TrainingPatient]) -> Splits:
    return name_cases(splits, {patient.name: list(patient.cases) for patient in patients})
