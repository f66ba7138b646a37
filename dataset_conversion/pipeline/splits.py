"""Cross-validation folds by patient."""

from collections.abc import Mapping

import numpy as np

from nnunet_cipa.errors import CIPAError

FOLDS = 5


def make_splits(slices: Mapping[str, int], seed: int) -> list[dict[str, list[str]]]:
    """Split cases into five folds of about equally many slices, in the form of nnU-Net's splits_final.json.

    The cases are sorted by their number of slices and every five neighbours go to the five folds in random order: the
    folds have equally many cases, give or take one, their slices differ by no more than the longest case has, and
    every case is in ``val`` exactly once.

    Parameters
    ----------
    slices
        Number of slices of each training patient.
    seed
        The same cases and seed give the same folds.

    Raises
    ------
    CIPAError
        If there are fewer than five cases.
    """
    if len(slices) < FOLDS:
        raise CIPAError(f"the training set has {len(slices)} patients; five folds need at least {FOLDS}: add patients")
    rng = np.random.default_rng(seed)
    cases = sorted(slices)
    rng.shuffle(cases)
    cases.sort(key=lambda case: -slices[case])
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for start in range(0, len(cases), FOLDS):
        block = cases[start : start + FOLDS]
        for case, fold in zip(block, rng.permutation(FOLDS)[: len(block)], strict=True):
            folds[fold].append(case)
    return [{"train": sorted(set(cases) - set(fold)), "val": sorted(fold)} for fold in folds]


def name_cases(splits: list[dict[str, list[str]]], cases: Mapping[str, list[str]]) -> list[dict[str, list[str]]]:
    """Put each patient's cases in its place, so that they all stay in one fold."""
    return [
        {part: sorted(case for patient in patients for case in cases[patient]) for part, patients in split.items()}
        for split in splits
    ]
