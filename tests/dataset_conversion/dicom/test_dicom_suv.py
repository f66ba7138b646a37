"""SUV by each rule against closed forms, over midnight, and never with a value that was made up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_cipa.dataset_conversion.dicom.pet_facts import PetFacts, pet_facts
from nnunet_cipa.dataset_conversion.dicom.pet_times import mean_count_offset
from nnunet_cipa.dataset_conversion.dicom.suv import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.dicom.writer import basic_dataset, pet_values

HALF_LIFE = 6600.0  # 110 min
# 60 kg and 300 MBq: 0.0002 g/Bq without decay; one half life from injection (10:00) to scan (11:50).
START = PetFacts(
    manufacturer="ACME",
    units="BQML",
    decay_correction="START",
    corrections=("ATTN", "DECY"),
    injections=1,
    weight=60.0,
    dose=300e6,
    half_life=HALF_LIFE,
    injection_time="100000",
    series_date="20200102",
    series_time="115000",
    acquisition_date="20200102",
    acquisition_time="115000",
)
FACTOR = 60_000 / 300e6


def factor(facts):
    (value,) = suv_scale([facts]).factors
    return value


def changed(**fields):
    return replace(START, **fields)


def test_one_half_life_doubles():
    assert factor(START) == pytest.approx(2 * FACTOR, rel=1e-12)
    assert factor(changed(injection_time="081000")) == pytest.approx(4 * FACTOR, rel=1e-12)


def test_admin_needs_no_time():
    facts = changed(decay_correction="ADMIN", injection_time=None, series_time=None, half_life=None)
    assert factor(facts) == pytest.approx(FACTOR, rel=1e-12)
    assert suv_scale([facts]).used["rule"] == 4


@pytest.mark.parametrize("suv_type", [None, "BW"])
def test_gml_is_suv_already(suv_type):
    scale = suv_scale([PetFacts(units="GML", corrections=("ATTN", "DECY"), suv_type=suv_type)])
    assert scale.factors == (1.0,)
    assert scale.used["rule"] == 2
    assert scale.used["Units"] == "GML"


def test_philips_factor_to_suv_goes_first():
    scale = suv_scale([changed(units="CNTS", philips_suv=0.00042, philips_bqml=1.5)])
    assert scale.factors == (0.00042,)
    assert scale.used["rule"] == 3


@pytest.mark.parametrize("to_suv", [None, 0.0])
def test_philips_factor_to_bqml(to_suv):
    facts = changed(units="CNTS", philips_suv=to_suv, philips_bqml=1.5)
    assert factor(facts) == pytest.approx(1.5 * 2 * FACTOR, rel=1e-12)


def test_philips_factors_are_those_of_the_slice():
    slices = [changed(units="CNTS", philips_bqml=value) for value in (1.0, 3.0)]
    assert suv_scale(slices).factors == pytest.approx((2 * FACTOR, 6 * FACTOR), rel=1e-12)


@pytest.mark.parametrize(("to_suv", "to_bqml"), [(None, None), (0.0, 0.0), (float("nan"), None), (-1.0, float("inf"))])
def test_counts_without_factor_are_refused(to_suv, to_bqml):
    with pytest.raises(CIPAError, match=r"7053,1000.*7053,1009"):
        suv_scale([changed(units="CNTS", philips_suv=to_suv, philips_bqml=to_bqml)])


def test_factor_missing_in_one_slice_is_refused():
    with pytest.raises(CIPAError, match=r"7053,1000"):
        suv_scale([changed(units="CNTS", philips_suv=0.1), changed(units="CNTS", philips_suv=0.0)])


def test_dose_below_ten_thousand_is_mbq():
    assert factor(changed(dose=300.0)) == factor(START)


SCAN_NEXT_DAY = {"series_time": "005000", "acquisition_time": "005000", "injection_time": "230000"}


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"series_date": None, "acquisition_date": None},
        {"injection_datetime": "20200101230000.000000"},
        {"injection_datetime": "20200102230000"},  # the date of the scan, so that the injection seems to be after it
        {"injection_datetime": "19991231230000"},
        {"series_date": "00000000", "injection_datetime": "20200101230000"},
    ],
)
def test_injection_before_midnight(dates):
    scale = suv_scale([changed(**SCAN_NEXT_DAY, **dates)])
    assert scale.used["elapsed_s"] == HALF_LIFE
    assert scale.factors[0] == pytest.approx(2 * FACTOR, rel=1e-12)


def test_dates_count_with_a_long_half_life():
    zirconium = 78.41 * 3600
    facts = changed(half_life=zirconium, injection_datetime="20191230115000", injection_time=None)
    assert factor(facts) == pytest.approx(FACTOR * 2 ** (72 / 78.41), rel=1e-12)


@pytest.mark.parametrize("injected", [None, "20200103115000"])
def test_long_half_life_without_good_dates_is_refused(injected):
    with pytest.raises(CIPAError, match="the times of day do not tell"):
        suv_scale([changed(half_life=282_000.0, injection_datetime=injected, injection_time="115000")])


def test_slices_acquired_after_midnight():
    times = [("20200101", "235500"), ("20200102", "000000"), ("20200102", "000500")]
    slices = [
        changed(series_date="20200101", series_time="235500", injection_time="220500", **acquired)
        for acquired in ({"acquisition_date": day, "acquisition_time": time} for day, time in times)
    ]
    for facts in (slices, [replace(one, acquisition_date=None, series_date=None) for one in slices]):
        assert suv_scale(facts).used["elapsed_s"] == HALF_LIFE
        assert suv_scale(facts).used["reference_from"] == "SeriesTime"


LATE = {"series_time": "150000", "acquisition_time": "115500"}  # SeriesTime is that of a later reconstruction


@pytest.mark.parametrize("field", ["ge_scan", "siemens_scan"])
def test_private_scan_time_if_series_time_is_late(field):
    scale = suv_scale([changed(**LATE, **{field: "20200102115000.00"})])
    assert scale.factors[0] == pytest.approx(2 * FACTOR, rel=1e-12)


def test_private_scan_time_with_another_date_counts_by_the_clock():
    facts = changed(**LATE, ge_scan="20200101115000.00", injection_datetime="20200102100000.00")
    assert factor(facts) == pytest.approx(2 * FACTOR, rel=1e-12)


def test_series_time_of_the_next_morning_is_late():
    facts = changed(series_date="20200103", series_time="093000", ge_scan="20200102115000")
    assert suv_scale([facts]).used["reference_from"] == "(0009,100D)"


def test_frame_reference_time_if_series_time_is_late():
    # The frame starts 300 s after the reference and lasts 180 s; the mean is where (by bisection) activity is average.
    k = np.log(2) / HALF_LIFE
    average = (1 - np.exp(-k * 180)) / (k * 180)
    low, high = 0.0, 180.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.exp(-k * middle) > average else (low, middle)
    facts = changed(**LATE, frame_reference_ms=(300 + low) * 1000, frame_duration_ms=180_000.0)
    scale = suv_scale([facts])
    assert scale.used["elapsed_s"] == pytest.approx(HALF_LIFE, abs=1e-6)
    assert scale.factors[0] == pytest.approx(2 * FACTOR, rel=1e-9)
    assert mean_count_offset(180.0, HALF_LIFE) == pytest.approx(low, abs=1e-6)


def test_frame_reference_time_of_ge_is_the_start_of_the_frame():
    facts = changed(**LATE, manufacturer="GE MEDICAL SYSTEMS", frame_reference_ms=300_000.0)
    assert factor(facts) == pytest.approx(2 * FACTOR, rel=1e-12)


def test_frame_reference_times_that_disagree_are_refused():
    slices = [changed(**LATE, manufacturer="GE", frame_reference_ms=ms) for ms in (300_000.0, 0.0)]
    with pytest.raises(CIPAError, match="differs by 300 s"):
        suv_scale(slices)


def test_start_times_within_a_minute_are_one_injection():
    facts = changed(injection_datetime="20200102100030", injection_time="100000")
    assert suv_scale([facts]).used["elapsed_s"] == HALF_LIFE - 30


def test_offset_from_utc():
    facts = changed(injection_time=None, injection_datetime="20200102080000.000000+0000", timezone="+0200")
    assert factor(facts) == pytest.approx(2 * FACTOR, rel=1e-12)
    with pytest.raises(CIPAError, match="TimezoneOffsetFromUTC"):
        suv_scale([replace(facts, timezone=None)])


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
        ({"dose": 3e11}, "RadionuclideTotalDose is 3e"),
        ({"dose": NAN}, "RadionuclideTotalDose is nan"),
        ({"injections": 2}, "2 injections"),
        ({"half_life": None}, "RadionuclideHalfLife is missing"),
        ({"half_life": 0.0}, "RadionuclideHalfLife is 0 s"),
        ({"half_life": -1.0}, "RadionuclideHalfLife is -1 s"),
        ({"half_life": 1e9}, "RadionuclideHalfLife is 1e"),
        ({"half_life": 110.0}, r"more than 0\.2 h \(6 half lives\)"),  # minutes taken for seconds
        ({"injection_time": None}, "RadiopharmaceuticalStartTime and -StartDateTime are missing"),
        ({"injection_time": "9am"}, "are missing or invalid"),
        ({"injection_time": "120000"}, "before the injection"),
        ({"injection_time": "115000"}, "both at the same time"),
        ({"injection_time": "100000", "injection_datetime": "20200102090000"}, "injection was at 10:00:00"),
        ({"injection_time": "003000"}, "more than 11"),
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


def test_facts_of_a_dataset():
    dataset = basic_dataset("PT", "1.2", **pet_values())
    dataset.TimezoneOffsetFromUTC = "+0100"
    dataset.FrameReferenceTime = 45000.5
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20200102115000.00")
    dataset.private_block(0x0071, "SIEMENS MED PT", create=True).add_new(0x22, "UN", b"20200102115000.000000\0")
    # Another maker's block takes the usual place, so that the factors are at (7053,1100) and (7053,1109).
    dataset.private_block(0x7053, "SOMEBODY ELSE", create=True).add_new(0x00, "DS", "9")
    philips = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    philips.add_new(0x00, "DS", "0.000421")
    philips.add_new(0x09, "DS", "1.54")
    assert pet_facts(dataset) == PetFacts(
        manufacturer="ACME",
        units="BQML",
        decay_correction="START",
        corrections=("ATTN", "DECY", "SCAT"),
        injections=1,
        weight=70.0,
        dose=350e6,
        half_life=6586.2,
        injection_time="093000",
        series_date="20200102",
        series_time="103000",
        acquisition_date="20200102",
        acquisition_time="103000",
        timezone="+0100",
        frame_reference_ms=45000.5,
        ge_scan="20200102115000.00",
        siemens_scan="20200102115000.000000",
        philips_suv=0.000421,
        philips_bqml=1.54,
    )


def test_facts_of_an_empty_dataset():
    assert pet_facts(basic_dataset("PT", "1.2")) == PetFacts()
