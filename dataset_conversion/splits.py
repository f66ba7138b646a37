"""Cross-validation folds by patient."""

from collections.abc import Mapping

import numpy as np

from nnunet_cipa.errors import CIPAError

FOLDS = 5


def make_splits(slices: Mapping[str, int], seed: int) -> list[dict[str, list[str]]]:
    """Split cases into five folds of about equally many slices, in the form of nnU-Net's splits_final.json.

    The cases are shuffled and then handed out from the longest to the shortest, each to the fold with the fewest
    slices so far: every case is in ``val`` exactly once.

    Parameters
    ----------
    slices
        Number of slices of each training case (one case a patient).
    seed
        The same cases and seed give the same folds.

    Raises
    ------
    CIPAError
        If there are fewer than five cases.
    """
    if len(slices) < FOLDS:
        raise CIPAError(f"train.txt has {len(slices)} patients; five folds need at least {FOLDS}: add patients")
    cases = sorted(slices)
    np.random.default_rng(seed).shuffle(cases)
    cases.sort(key=lambda case: -slices[case])
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for case in cases:
        min(folds, key=lambda fold: sum(slices[member] for member in fold)).append(case)
    return [{"train": sorted(set(cases) - set(fold)), "val": sorted(fold)} for fold in folds]
