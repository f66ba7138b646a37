"""What other makers' programs say of the structured report and the segmentation of lesions."""

import pytest

from nnunet_cipa.predict.lesions.measured import measure_lesions
from nnunet_cipa.predict.lesions.report import write_measurements
from tests.dicom.clients import run
from tests.predict.lesions.patient import boxes, predicted, write_study


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Report and segmentation of two lesions, and the report of none."""
    root = tmp_path_factory.mktemp("reports")
    subject = write_study(root)
    found = write_measurements(measure_lesions(predicted(boxes(1, 2))), subject, root / "two" / "sr.dcm")
    return found + write_measurements(measure_lesions(predicted(boxes())), subject, root / "none" / "sr.dcm")


def test_dciodvfy_finds_nothing(objects):
    assert len(objects) == 3
    for path in objects:
        text, status = run("dciodvfy", "-new", path)
        assert text.strip() in {"Comprehensive3DSR", "Segmentation"}, path
        assert status == 0


def test_dcentvfy_finds_one_patient_and_one_study(objects):
    slices = sorted(objects[0].parents[1].joinpath("study").iterdir())
    text, _ = run("dcentvfy", *objects, *slices)
    assert "Error" not in text


def test_dcmtk_reads_the_measurements(objects):
    text, status = run("dsrdump", "+Pc", objects[0])
    assert status == 0, text
    for line in (
        "Preliminary Flag    : PRELIMINARY",
        "Verification Flag   : UNVERIFIED",
        'NUM:(126401,DCM,"SUVbw")="6.5" (g/ml{SUVbw},UCUM',
        'NUM:(118565006,SCT,"Volume")="2.88" (cm3,UCUM',
        'NUM:(126033,DCM,"Total Lesion Glycolysis")="18.72" (g,UCUM',
        '"Tracking Identifier")="IGTV 2"',
    ):
        assert line in text, line
    text, status = run("dsrdump", "+Pc", objects[2])
    assert status == 0, text
    assert "Tracking Identifier" in text
