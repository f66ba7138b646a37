"""Files beside the patients of a study set: test.txt, which holds some out, and study.json."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.files.regular import check_regular, read_regular

TEST_LIST, FACTS = "test.txt", "study.json"


def held_out(source: Path, names: Sequence[str], fraction: float | None, seed: int) -> set[str]:
    """Return the names of the patients to hold out: by test.txt, or drawn.

    Parameters
    ----------
    source
        Folder with test.txt, perhaps.
    names
        Of all patients.
    fraction
        Part of them, 0 to 0.5, to draw; None to go by test.txt, or hold out none.
    seed
        Of that draw.

    Raises
    ------
    CIPAError
        If both are given, or the list or the fraction is impossible.
    """
    path = source / TEST_LIST
    if fraction is None:
        return _read_test(path, names)
    if os.path.lexists(path):
        raise CIPAError(f"{path}: lists the test set, so --test-fraction cannot be given; drop one of them")
    return draw_test(sorted(names), fraction, seed)


def draw_test(names: list[str], fraction: float, seed: int) -> set[str]:
    """Draw a part of the patients, at least one if the part is not 0."""
    if not 0 <= fraction <= 0.5:
        raise CIPAError(f"--test-fraction {fraction}: give a number from 0 to 0.5")
    count = max(1, round(fraction * len(names))) if fraction > 0 else 0
    order = np.random.default_rng([seed, 1]).permutation(len(names))
    return {names[index] for index in order[:count]}


def read_facts(source: Path) -> bool | None:
    """Check the units that study.json declares, and return whether it says that the images are synthetic.

    Raises
    ------
    CIPAError
        If it is damaged or declares other units.
    """
    path = source / FACTS
    if not os.path.lexists(path):
        return None
    check_regular(path)
    facts = read_object(path, "write it again or remove it")
    if facts.get("units", UNITS) != UNITS:
        raise CIPAError(f"{path}: units are {facts['units']!r}; correct it, or convert the images to {UNITS}")
    synthetic = facts.get("synthetic")
    if synthetic is not None and not isinstance(synthetic, bool):
        raise CIPAError(f"{path}: synthetic is {synthetic!r}; say true or false, or leave it out")
    return synthetic


def _read_test(path: Path, names: Sequence[str]) -> set[str]:
    if not os.path.lexists(path):
        return set()
    data = read_regular(path)
    try:
        listed = [line.strip() for line in data.decode("utf-8-sig").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise CIPAError(f"{path}: not UTF-8 text (byte {error.start}); save it as plain text") from error
    if not listed:
        raise CIPAError(f"{path}: lists no patient; list one per line, or remove it")
    refuse(
        f"{path}: {name!r} is listed but there is no such patient; correct the list"
        for name in listed
        if name not in set(names)
    )
    doubled = sorted({name for name in listed if listed.count(name) > 1})
    refuse(f"{path}: {name!r} is listed twice; list every patient once" for name in doubled)
    return set(listed)
