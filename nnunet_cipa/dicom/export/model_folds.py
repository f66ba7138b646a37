"""The folds of a trained model's folder."""

import math
from collections.abc import Iterable
from pathlib import Path

from nnunet_cipa.errors import CIPAError

ALL = "fold_all"


def find_folds(
    model: Path, checkpoint: str, wanted: Iterable[str], remedy: str, *, without_all: bool = False
) -> list[str]:
    """Return the folds that are wanted, or else those that are there, such as ``fold_0``.

    Parameters
    ----------
    model
        TRAINER__PLANS__CONFIGURATION.
    checkpoint
        File of the weights in each fold.
    wanted
        Numbers, or ``all``; with or without ``fold_`` before them.
    remedy
        What the message ends with.
    without_all
        Leave out ``fold_all`` beside others if none is wanted, as nnU-Net's ensembles do.

    Raises
    ------
    CIPAError
        If one is not there, or there is none.
    """
    there = sorted((path.parent.name for path in model.glob(f"fold_*/{checkpoint}")), key=_number)
    own = [fold for fold in there if fold != ALL] if without_all else []
    found = [f"fold_{fold.removeprefix('fold_')}" for fold in dict.fromkeys(wanted)] or own or there
    missing = [fold for fold in found if fold not in there]
    if missing or not there:
        raise CIPAError(
            f"--model {model}: has no {missing[0] if missing else 'fold_*'}/{checkpoint}; there is "
            f"{', '.join(there) or 'none'}; {remedy}"
        )
    return found


def _number(fold: str) -> tuple[float, str]:
    number = fold.removeprefix("fold_")
    return (int(number) if number.isdecimal() else math.inf), number
