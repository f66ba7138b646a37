"""The folds of a cross-validation, checked: each case is validated once, and no patient is on both sides."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.splits import read_splits

Folds = tuple[tuple[str, ...], ...]


def read_folds(splits: Path, patients: Mapping[str, str]) -> Folds:
    """Read the validation cases of each fold from nnU-Net's splits_final.json.

    Parameters
    ----------
    splits : Path
        splits_final.json.
    patients : dict
        Case -> patient of all training cases of the dataset.

    Raises
    ------
    CIPAError
        If the file is not laid out as nnU-Net's, names a case that the dataset does not have, validates a case in no
        fold or in two, or has a patient in two folds or in both parts of one.
    """
    content = _read(splits)
    for find_problems in (_foreign_cases, _repeated_cases, _divided_patients):
        for problem in find_problems(content, patients):
            raise CIPAError(f"{splits}: {problem}")
    return tuple(tuple(sorted(fold["val"])) for fold in content)


def _read(splits: Path) -> list[dict[str, list[str]]]:
    remedy = "bring back the file that the models were trained with"
    folds = read_splits(splits, remedy)
    for number, fold in enumerate(folds):
        for part in ("train", "val"):
            if not fold[part]:
                raise CIPAError(f"{splits}: fold {number} has no cases in {part}; {remedy}")
    return folds


def _foreign_cases(folds: list[dict[str, list[str]]], patients: Mapping[str, str]) -> Iterator[str]:
    for number, fold in enumerate(folds):
        for case in (*fold["train"], *fold["val"]):
            if case not in patients:
                yield f"fold {number} has case {case}, which is not in labelsTr; use the folds of this dataset"


def _repeated_cases(folds: list[dict[str, list[str]]], patients: Mapping[str, str]) -> Iterator[str]:
    validated: dict[str, int] = {}
    for number, fold in enumerate(folds):
        for case in fold["val"]:
            if case in validated:
                where = "twice in" if validated[case] == number else f"in fold {validated[case]} and in"
                yield f"case {case} is validated {where} fold {number}; name each case once"
            validated[case] = number
    for case in patients:
        if case not in validated:
            yield f"case {case} is validated in no fold; complete the folds"


def _divided_patients(folds: list[dict[str, list[str]]], patients: Mapping[str, str]) -> Iterator[str]:
    home: dict[str, int] = {}
    for number, fold in enumerate(folds):
        trained = {patients[case]: case for case in fold["train"]}
        for case in fold["val"]:
            patient = patients[case]
            if home.setdefault(patient, number) != number:
                yield (
                    f"patient {patient} is in fold {home[patient]} and, as case {case}, in fold {number}; make folds "
                    "by patient and train again"
                )
            if patient in trained:
                yield (
                    f"fold {number} validates case {case} and trains on case {trained[patient]} of the same patient "
                    f"{patient}; make folds by patient and train again"
                )
