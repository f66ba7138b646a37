"""Cross-validation folds by patient."""

from collections.abc import Mapping

import numpy as np

from nnunet_cipa.errors import CIPAError

FOLDS = 5
Splits = list[dict[str, list[str]]]


def make_splits(slices: Mapping[str, int], seed: int) -> Splits:
    """Split patients into folds of about equally many slices, in the form of nnU-Net's splits_final.json.

    There are five folds, with fewer patients as many as there are patients, and none with one. The patients are sorted
    by their number of slices and every five neighbours go to the five folds in random order: the folds have equally
    many patients, give or take one, their slices differ by no more than the longest patient has, and every patient is
    in ``val`` exactly once.

    Parameters
    ----------
    slices
        Number of slices of each training patient.
    seed
        The same patients and seed give the same folds.

    Raises
    ------
    CIPAError
        If there is no patient.
    """
    if not slices:
        raise CIPAError("the training set has no patients; add patients, or hold fewer out")
    if len(slices) == 1:
        return []
    count = min(FOLDS, len(slices))
    rng = np.random.default_rng(seed)
    patients = sorted(slices)
    rng.shuffle(patients)
    patients.sort(key=lambda patient: -slices[patient])
    folds: list[list[str]] = [[] for _ in range(count)]
    for start in range(0, len(patients), count):
        block = patients[start : start + count]
        for patient, fold in zip(block, rng.permutation(count)[: len(block)], strict=True):
            folds[fold].append(patient)
    return leave_out(folds)


def leave_out(folds: list[list[str]]) -> Splits:
    """Validate on each of some lists in turn, and train on the others."""
    everybody = {patient for fold in folds for patient in fold}
    return [{"train": sorted(everybody - set(fold)), "val": sorted(fold)} for fold in folds]


def name_cases(splits: Splits, cases: Mapping[str, list[str]]) -> Splits:
    """Put each patient's cases in its place, so that they all stay in one fold."""
    return [
        {part: sorted(case for patient in patients for case in cases[patient]) for part, patients in split.items()}
        for split in splits
    ]
