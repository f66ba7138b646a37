"""The common parts of the synthetic study sets: the folder, the numbers asked for, who is held out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.new_folders import new_folder

FIELD_OF_VIEW = 512 * 0.98


@contextmanager
def new_study(out: Path) -> Iterator[Path]:
    """Give a folder that becomes ``out`` if the block ends without an error, and vanishes if not.

    Raises
    ------
    CIPAError
        If ``out`` is not a new or empty folder.
    """
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CIPAError(f"{out}: exists and is not an empty folder; choose another or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(out) as folder:
        yield folder
        if out.exists():
            out.rmdir()


def check_numbers(*limits: tuple[str, int, int, int]) -> None:
    """Refuse an option (name, value, lowest, highest) that is out of range.

    Raises
    ------
    CIPAError
        For the first that is.
    """
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise CIPAError(f"--{name} {value}: give a number from {low} to {high}")


def draw_fifth(patients: int, rng: np.random.Generator) -> set[int]:
    """Draw a fifth of the patients, rounded and not less than one."""
    return set(rng.permutation(patients)[: max(1, round(patients / 5))].tolist())
