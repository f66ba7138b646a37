"""Colours are named in one module."""

import re
from pathlib import Path

import pytest

from nnunet_cipa.pages.palette import SERIES, TRUTH, rgb

ROOT = Path(__file__).parents[2]
PALETTE = ROOT / "nnunet_cipa" / "pages" / "palette.py"
COLOUR = re.compile(r"""(?<=["': (])#(?:[0-9a-fA-F]{3}){1,2}\b|\brgba?\((?=\d)|\bhsla?\((?=\d)""")
FILES = [
    path
    for room in ("nnunet_cipa", "dataset_conversion")
    for kind in ("*.py", "*.html")
    for path in sorted((ROOT / room).rglob(kind))
]


def test_no_other_file_names_a_colour():
    named = {path.relative_to(ROOT).as_posix() for path in FILES if COLOUR.search(path.read_text(encoding="utf-8"))}
    assert named == {PALETTE.relative_to(ROOT).as_posix()}


@pytest.mark.parametrize("text", ['"#E69F00"', "color: #fff;", "rgb(1, 2, 3)", "solid #b87d00"])
def test_what_is_looked_for_is_found(text):
    assert COLOUR.search(text)


def test_parts_of_a_colour():
    assert rgb(TRUTH) == (230, 159, 0)
    assert len({rgb(colour) for colour in SERIES}) == len(SERIES)
