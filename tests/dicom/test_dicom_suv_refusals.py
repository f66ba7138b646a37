"""SUV is never computed with a value that was made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dicom.suv_facts import LATE, START, changed, factor

NAN = float("nan")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"corrections": ("DECY",)}, "without ATTN"),
        ({"corrections": ("ATTN",)}, "without DECY"),
        ({"corrections": ()}, "CorrectedImage is missing"),
        ({"units": None}, "Units are missing"),
        ({"units": "PROPCPS"}, "Units are PROPCPS"),
        ({"units": "GML", "suv_type": "LBM"}, "SUVType is LBM"),
        ({"decay_correction": None}, "DecayCorrection is missing"),
        ({"decay_correction": "NONE"}, "DecayCorrection is NONE"),
        ({"weight": None}, "PatientWeight is missing"),
        ({"weight": 0.0}, "PatientWeight is 0 kg"),
        ({"weight": -70.0}, "PatientWeight is -70 kg"),
        ({"weight": 70_000.0}, "PatientWeight is 70000 kg"),
        ({"weight": NAN}, "PatientWeight is nan"),
        ({"dose": None}, "RadionuclideTotalDose is missing"),
        ({"dose": 0.0}, "RadionuclideTotalDose is 0 Bq"),
        ({"dose": -3e8}, "RadionuclideTotalDose is -3e"),
        ({"dose": 3e5}, "RadionuclideTotalDose is 300000 Bq"),
        ({"dose": 0.3}, "RadionuclideTotalDose is 300000 Bq"),
        ({"dose": 10.0}, r"RadionuclideTotalDose is 10, .*may be in mCi.*dose_mbq with --suv-override"),
        ({"dose": 3e11}, "RadionuclideTotalDose is 3e"),
        ({"dose": NAN}, "RadionuclideTotalDose is nan"),
        ({"injections": 2}, "2 injections"),
        ({"half_life": None}, "RadionuclideHalfLife is missing"),
        ({"half_life": 0.0}, "RadionuclideHalfLife is 0 s"),
        ({"half_life": -1.0}, "RadionuclideHalfLife is -1 s"),
        ({"half_life": 1e9}, "RadionuclideHalfLife is 1e"),
        ({"half_life": 110.0}, r"more than 0\.1 h \(2 half lives\)"),  # minutes taken for seconds
        ({"injection_time": None}, "RadiopharmaceuticalStartTime and -StartDateTime are missing"),
        ({"injection_time": "9am"}, "are missing or invalid"),
        ({"injection_time": "120000"}, "before the injection"),
        ({"injection_time": "115000"}, "both at the same time"),
        ({"injection_time": "100000", "injection_datetime": "20200102090000"}, "injection was at 10:00:00"),
        (
            {"injection_time": "080900"},
            r"more than 3\.7 h \(2 half lives\) after it.*--suv-override.*--most-half-lives",
        ),
        ({"acquisition_time": None}, "AcquisitionTime is missing"),
        ({"acquisition_time": "256000"}, "AcquisitionTime is missing or invalid"),
        ({"series_time": "080000", "injection_time": "070000"}, r"SeriesTime is 3\.8 h before"),
        ({"series_time": None}, "FrameReferenceTime is missing"),
        (LATE, "FrameReferenceTime is missing"),
        ({**LATE, "frame_reference_ms": 3e5}, "ActualFrameDuration is missing"),
        ({**LATE, "frame_reference_ms": NAN, "frame_duration_ms": 1e5}, "FrameReferenceTime is nan"),
        ({**LATE, "frame_reference_ms": 0.0, "frame_duration_ms": 1.8e5}, "before the mean of its own frame"),
        ({**LATE, "frame_reference_ms": 3e8, "frame_duration_ms": 1.8e5}, r"FrameReferenceTime is 3e\+08 ms"),
    ],
)
def test_refused(fields, reason):
    with pytest.raises(CIPAError, match=reason) as caught:
        suv_scale([changed(**fields)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"units": "CNTS"}, "Units differs between slices"),
        ({"weight": 61.0}, "PatientWeight differs"),
        ({"dose": 301e6}, "RadionuclideTotalDose differs"),
        ({"half_life": 1223.0}, "RadionuclideHalfLife differs"),
        ({"decay_correction": "ADMIN"}, "DecayCorrection differs"),
        ({"corrections": ("DECY",)}, "CorrectedImage differs"),
        ({"injection_time": "100100"}, "RadiopharmaceuticalStartTime differs"),
        ({"series_time": "114900"}, "SeriesTime differs"),
    ],
)
def test_slices_that_disagree_are_refused(fields, reason):
    with pytest.raises(CIPAError, match=reason):
        suv_scale([START, changed(**fields), START])


numbers = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, 300.0, 3e8, 70.0, 6586.2]))
clocks = st.one_of(st.none(), st.text("0123456789.:", max_size=10), st.sampled_from(["000000", "101010", "235959.5"]))


@given(st.builds(
    changed, weight=numbers, dose=numbers, half_life=numbers, injection_time=clocks, series_time=clocks,
    acquisition_time=clocks, frame_reference_ms=numbers, frame_duration_ms=numbers, philips_suv=numbers,
    philips_bqml=numbers, units=st.sampled_from(["BQML", "CNTS"]), decay_correction=st.sampled_from(["START", "ADMIN"]),
))  # fmt: skip
def test_a_factor_is_positive_and_finite_or_refused(facts):
    try:
        value = factor(facts)
    except CIPAError:
        return
    assert 0 < value < np.inf
