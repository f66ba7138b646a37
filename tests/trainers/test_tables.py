"""The tables of trainers in README.md and docs/trainers.md."""

import re
from pathlib import Path

import pytest

from nnunet_cipa import trainers

ROOT = Path(__file__).parents[2]


def names_in(text):
    """Return the names in the first column; after a whole name, ``_ending`` replaces the ending of that one."""
    found = set()
    for cell in re.findall(r"^\| (`nnUNetTrainer.*?) \|", text, re.MULTILINE):
        first, *others = re.findall(r"`(\w+)`", cell)
        stem = first.rpartition("_")[0] if "_" in first else first
        found |= {first, *(other if other.startswith("nnUNetTrainer") else stem + other for other in others)}
    return found


@pytest.mark.parametrize("page", ["README.md", "docs/trainers.md"])
def test_every_trainer_is_in_the_table_and_nothing_else(page):
    assert names_in((ROOT / page).read_text(encoding="utf-8")) == set(trainers.__all__)


def test_every_trainer_of_the_package_is_offered():
    folder = Path(trainers.__file__).parent / "variants"
    defined = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r"^class (nnUNetTrainer\w+)", path.read_text(), re.MULTILINE)
    }
    assert defined == set(trainers.__all__)
