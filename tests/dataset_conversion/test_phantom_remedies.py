"""What the refusals of ``phantom`` tell one to do, done as the message has it."""

import re
import shutil
from pathlib import Path

import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study
from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.conftest import PHANTOMS

SMALL = {"patients": 2, "seed": 3, "size": 64, "slices": 16, "processes": 1}
FACTS = {"pclt20k": "phantom.json", "lucid": "study.json"}


def make(kind, out, **options):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in {**SMALL, **options}.items()]
    return main(["phantom", kind, str(out), *words])


def refused(capsys, told, kind, out, **options):
    assert make(kind, out, **options) == 1
    found = re.search(told, capsys.readouterr().err.rstrip())
    assert found
    return found.groups()


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Name patients and draw none; some ranges end where that takes hours."""
    for kind in FACTS:
        monkeypatch.setattr(f"{PHANTOMS}.{kind}.run_jobs", lambda _, jobs, *__: [[str(job)] for job in jobs])


WRONG = [
    *({name: value} for name, value in (("patients", 1), ("seed", -1), ("size", 32), ("slices", 2), ("processes", 0))),
    *({name: value} for name, value in (("patients", 10_000), ("seed", 2**63 + 1), ("size", 2048), ("slices", 91))),
    {"processes": 300},
]


@pytest.mark.parametrize("kind", FACTS)
@pytest.mark.parametrize("option", WRONG, ids=str)
def test_the_nearest_number_that_is_told(kind, option, capsys, tmp_path, nothing_drawn):
    ((name, value),) = option.items()
    out = tmp_path / "out"
    limits = refused(capsys, rf"--{name} {value}: give a number from (\d+) to (\d+)$", kind, out, **option)
    nearest = min(map(int, limits), key=lambda limit: abs(limit - value))
    assert make(kind, out, **{name: nearest}) == 0
    assert (out / FACTS[kind]).is_file()


@pytest.mark.parametrize("slices", [16, 90])
@pytest.mark.parametrize("distance", [0.5, 13])
def test_a_slice_distance_that_is_told(slices, distance, capsys, tmp_path, nothing_drawn, masks_alone):
    told = rf"give a number from (\d+) to (\d+), such that --slices {slices} span (\d+) to (\d+) mm$"
    out = tmp_path / "out"
    groups = refused(capsys, told, "lucid", out, slices=slices, slice_distance=distance)
    low, high, shortest, longest = map(int, groups)
    nearest = max(low, shortest / slices) if distance < low else min(high, longest / slices)
    assert make("lucid", out, slices=slices, slice_distance=nearest) == 0
    assert image_study(3, 0, 64, slices, nearest).gtv.any()


@pytest.mark.parametrize("kind", FACTS)
@pytest.mark.parametrize("taken", ["folder", "file"])
def test_a_place_that_is_taken_is_removed_or_another_chosen(kind, taken, capsys, tmp_path, nothing_drawn):
    out = tmp_path / "out"
    if taken == "folder":
        out.mkdir()
    (out / "mine.txt" if taken == "folder" else out).write_text("mine")
    (named,) = refused(capsys, r"error: (\S+): exists and .*; choose another or remove it$", kind, out)
    assert make(kind, tmp_path / "another") == 0
    if taken == "folder":
        shutil.rmtree(named)
    else:
        Path(named).unlink()
    assert make(kind, out) == 0
    assert (out / FACTS[kind]).is_file()


@pytest.mark.parametrize("image", [image_patient, image_study])
def test_more_pixels_where_some_are_too_coarse(image, masks_alone):
    with pytest.raises(CIPAError, match=r"--size 4: too coarse for the tumours? of patient 1 of seed 6; give more$"):
        image(6, 0, 4, 16)
    image(6, 0, 64, 16)
