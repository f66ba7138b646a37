"""The time from injection to scan: over midnight, by dates, and where SeriesTime is late."""

from dataclasses import replace

import numpy as np
import pytest

from nnunet_cipa.dicom.suv.frames import mean_count_offset
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dicom.suv_facts import FACTOR, HALF_LIFE, LATE, changed, factor

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
