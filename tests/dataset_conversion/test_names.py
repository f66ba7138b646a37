from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_cipa.dataset_conversion.pclt20k.source import parse_name
from nnunet_cipa.errors import CIPAError

FOLDER = Path("/data/set")


@pytest.mark.parametrize(
    ("name", "patient", "number"),
    [
        ("0006_001", "0006", 1),
        ("0594_135", "0594", 135),
        ("200908508_42", "200908508", 42),
        ("A12_left_lung_007", "A12", 7),
        ("A12_3_10", "A12", 10),
        ("P-1_slice-12", "P-1", 12),
    ],
)
def test_names_as_they_are_seen(name, patient, number):
    parsed = parse_name(name)
    assert (parsed.patient, parsed.number, parsed.name) == (patient, number, name)
    assert parsed.path(FOLDER, "mask") == FOLDER / patient / f"{name}_mask.png"


@given(st.one_of(st.text(), st.from_regex(r"[./\\a-z0-9_ -]+", fullmatch=True)))
def test_any_text_is_refused_or_stays_in_its_folder(text):
    try:
        parsed = parse_name(text)
    except CIPAError:
        return
    path = parsed.path(FOLDER, "CT")
    assert path.resolve().parent == FOLDER / parsed.patient
    assert path.resolve().parent.parent == FOLDER
    assert str(parsed.number) in text
