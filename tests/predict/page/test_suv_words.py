"""How SUV came about, in words, for each of the ways in which it does."""

import pytest

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.override import SuvOverride
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.predict.page.suv_words import suv_words
from tests.dicom.suv_facts import changed


def words(facts, rules=None):
    return dict(suv_words(suv_scale([facts], rules).used))


def test_decay_from_the_injection_to_the_scan():
    """60 kg and 300 MBq, one half life of 110 min."""
    said = words(changed())
    assert said["values"] == "Bq/ml"
    assert (said["weight"], said["dose"], said["half life"]) == ("60 kg", "300.0 MBq", "110.00 min")
    assert said["injection"] == "10:00:00, by RadiopharmaceuticalStartTime"
    assert said["values hold for"] == "11:50:00, by SeriesTime"
    assert said["between them"].startswith("110.0 min, by ")
    assert said["left of the dose"] == "50.0 %"
    assert said["SUV per kBq/ml"] == "0.4000"
    assert "dose that was left when the scan began" in said["why believed"]


@pytest.mark.parametrize(
    ("facts", "decay", "why"),
    [
        (changed(decay_correction="ADMIN"), "to the injection (ADMIN)", "decay was corrected to the injection"),
        (
            changed(decay_correction="NONE", corrections=("ATTN",), frame_duration_ms=60_000.0),
            "not in the images (NONE); computed here by frame",
            "at the mean of each frame",
        ),
        (changed(units="CNTS", philips_suv=0.00042), "to the start of the scan (START)", "vendor's own factor"),
    ],
)
def test_other_decay_corrections_and_a_vendors_factor(facts, decay, why):
    said = words(facts)
    assert said["decay correction"] == decay
    assert why in said["why believed"]


def test_images_that_are_suv_already():
    said = words(PetFacts(units="GML", corrections=("ATTN", "DECY")))
    assert said["values"] == "g/ml, which is SUV already"
    assert "nothing was computed from dose and weight" in said["why believed"]
    said = words(PetFacts(units="GML", suv_type="LBMJANMA", weight=70.0, height=1.75, sex="M"))
    assert (said["SUV type"], said["corrections"], said["height, sex"]) == ("LBMJANMA", "not told", "1.75 m, M")
    assert "weight over that size" in said["why believed"]


def test_what_the_user_gave_is_told_beside_the_header():
    said = words(changed(), SuvRules(override=SuvOverride({"weight_kg": 75.0})))
    assert said["weight"] == "75 kg"
    assert said["weight_kg by --suv-override"] == "75.0 in place of the header's 60.0"


def test_a_registration_is_told():
    moved = {"registration": {"degrees": 9.04, "shift_mm": (30.0, -20.0, 8.0)}}
    assert dict(suv_words(moved))["registration"] == (
        "moved by a DICOM REG: turned by 9.0 degrees, the origin to (30.0, -20.0, 8.0) mm"
    )
