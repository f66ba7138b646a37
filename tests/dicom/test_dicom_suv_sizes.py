"""SUV by other sizes of the body, and images without correction for decay, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dicom.suv_facts import FACTOR, HALF_LIFE, changed, factor

# 70 kg and 175 cm; by hand: (70 / 175)^2 = 0.16, BMI = 22.857143.
GML = PetFacts(units="GML", corrections=("ATTN", "DECY"), weight=70.0, height=1.75, sex="M")
SIZES = {
    ("GML", "LBMJAMES128", "M"): 77 - 20.48,
    ("GML", "LBMJAMES128", "F"): 74.9 - 23.68,
    ("GML", "LBMJAMES128", "O"): (56.52 + 51.22) / 2,
    ("GML", "LBMJANMA", "M"): 648_900 / 11617.142857142857,
    ("GML", "LBMJANMA", "F"): 648_900 / 14357.142857142857,
    ("GML", "IBW", "M"): 72.38,
    ("GML", "IBW", "F"): 66.43,
    ("GML", "IBW", "O"): 69.405,
    # 70^0.425 = 6.0832..., 175^0.725 = 42.2892...: Du Bois' table has 1.85 m2 (18500 cm2 for 70 000 g)
    ("CM2ML", "BSA", "F"): 18.481430181213463,
    ("CM2ML", None, None): 18.481430181213463,
}


@pytest.mark.parametrize(("units", "suv_type", "sex"), SIZES)
def test_to_body_weight(units, suv_type, sex):
    facts = replace(GML, units=units, suv_type=suv_type, sex=sex)
    assert factor(facts) == pytest.approx(70 / SIZES[units, suv_type, sex], rel=1e-9)
    assert suv_scale([facts]).used["rule"] == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"suv_type": "LBM"}, "SUVType is LBM, which does not tell by which formula.*LBMJAMES128.*suv_type"),
        ({"suv_type": "BSA"}, "SUVType is BSA, with Units GML"),
        ({"units": "CM2ML", "suv_type": "BW"}, "SUVType is BW, with Units CM2ML"),
        ({"suv_type": "WEIRD"}, "SUVType is WEIRD"),
        ({"suv_type": "IBW", "sex": None}, "PatientSex is missing"),
        ({"suv_type": "LBMJANMA", "sex": "X"}, "PatientSex is X"),
        ({"suv_type": "LBMJAMES128", "height": None}, "PatientSize is missing"),
        ({"suv_type": "IBW", "height": 0.0}, "PatientSize is 0 m"),
        ({"suv_type": "IBW", "height": 175.0}, r"PatientSize is 175 m; 0\.4 to 2\.5 m"),
        ({"units": "CM2ML", "weight": None}, "PatientWeight is missing"),
        ({"units": "CM2ML", "height": float("nan")}, "PatientSize is nan"),
        ({"suv_type": "LBMJAMES128", "weight": 300.0, "height": 1.5}, "give no LBMJAMES128"),
        ({"suv_type": "IBW", "height": 1.0}, "give no IBW"),
        ({"units": "PCNT"}, "Units are PCNT"),
        ({"corrections": ("ATTN",)}, "without DECY"),
        ({"corrections": ("DECY",)}, "without ATTN"),
        ({"corrections": ("ATTN",), "decay_correction": "NONE"}, "without DECY"),
    ],
)
def test_refused(fields, reason):
    with pytest.raises(CIPAError, match=reason):
        factor(replace(GML, **fields))


def test_corrected_image_may_be_missing_where_the_values_are_suv():
    scale = suv_scale([replace(GML, corrections=())])
    assert scale.factors == (1.0,)
    assert "CorrectedImage is missing" in scale.notes[0]
    assert suv_scale([GML]).notes == ()


NONE = {"decay_correction": "NONE", "corrections": ("ATTN",), "frame_duration_ms": 603_000.0}


def test_decay_by_slice_where_it_was_not_corrected():
    # Activity that is averaged over a frame of 603 s, by the trapezoid rule
    times = np.linspace(0, 603, 20_001)
    mean = -HALF_LIFE * np.log2(trapezoid(2 ** (-times / HALF_LIFE), times) / 603)
    slices = [changed(**NONE, acquisition_time=time) for time in ("115000", "115500", "120500")]
    expected = [FACTOR * 2 ** ((HALF_LIFE + later + mean) / HALF_LIFE) for later in (0, 300, 900)]
    scale = suv_scale(slices)
    assert scale.factors == pytest.approx(expected, rel=1e-6)
    assert scale.used["rule"] == 6
    assert scale.used["elapsed_s"] == pytest.approx([HALF_LIFE + mean, HALF_LIFE + 900 + mean], abs=1e-2)


def test_decay_by_slice_over_midnight():
    slices = [
        changed(**NONE, injection_time="230000", series_time="235800", acquisition_date=None, acquisition_time=time)
        for time in ("000300", "235800")
    ]
    later, first = suv_scale(slices).factors
    assert later / first == pytest.approx(2 ** (300 / HALF_LIFE), rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"frame_duration_ms": None}, "ActualFrameDuration.* is missing"),
        ({"frame_duration_ms": 0.0}, "ActualFrameDuration.* is 0 ms"),
        ({"corrections": ("ATTN", "DECY")}, "DecayCorrection is NONE, but CorrectedImage has DECY"),
        ({"corrections": ()}, "without ATTN"),
        ({"acquisition_time": None}, "AcquisitionTime is missing"),
        ({"frame_reference_ms": 1_500_000.0}, "12:15:00 by SeriesTime and FrameReferenceTime"),
        ({"injection_time": None}, "RadiopharmaceuticalStartTime"),
    ],
)
def test_no_decay_correction_refused(fields, reason):
    with pytest.raises(CIPAError, match=reason):
        suv_scale([changed(**{**NONE, **fields})])


def test_acquisitions_longer_than_any_scan_are_refused():
    with pytest.raises(CIPAError, match=r"spans 4\.0 h"):
        suv_scale([changed(**NONE), changed(**NONE, acquisition_time="155000")])
