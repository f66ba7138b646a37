"""What tells the moment that the values hold for has to agree, and midnight exactly is not a time."""

from dataclasses import replace

import pytest

from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dicom.suv_facts import FACTOR, HALF_LIFE, LATE, changed, factor

# Three beds of 180 s from 11:50; FrameReferenceTime is at the middle of each frame, to the second its mean.
BEDS = [
    {
        "acquisition_time": time,
        "frame_duration_ms": 180_000.0,
        "frame_reference_ms": 90_000.0 + ms,
        "decay_factor": decay,
    }
    for time, ms, decay in (
        ("115000", 0, 2 ** (90 / HALF_LIFE)),
        ("115300", 180_000, 2 ** (270 / HALF_LIFE)),
        ("115600", 360_000, 2 ** (450 / HALF_LIFE)),
    )
]
WITHOUT = {"frame_reference_ms": None, "decay_factor": None}


def beds(**fields):
    return [changed(**{**bed, **fields}) for bed in BEDS]


def moved(facts, **more):
    """The slices with a SeriesTime of 20 minutes before the scan."""
    return [replace(one, series_time="113000", **more) for one in facts]


def test_all_that_agrees_is_taken():
    scale = suv_scale(beds(ge_scan="20200102115000.00"))
    assert scale.factors == pytest.approx([2 * FACTOR] * 3, rel=1e-12)
    assert scale.used["reference_from"] == "SeriesTime"


@pytest.mark.parametrize(
    ("fields", "sources"),
    [
        ({}, ["11:50:00 by AcquisitionTime less FrameReferenceTime", "11:50:00 by AcquisitionTime and DecayFactor"]),
        ({"decay_factor": None}, ["FrameReferenceTime"]),
        ({"frame_reference_ms": None}, ["DecayFactor"]),
        ({**WITHOUT, "ge_scan": "20200102115000"}, [r"11:50:00 by \(0009,100D\)"]),
        ({**WITHOUT, "siemens_scan": "20200102115000.0"}, [r"11:50:00 by \(0071,1022\)"]),
        # A private date that de-identification left does not count, its time does
        ({**WITHOUT, "siemens_scan": "20150102115000.0"}, [r"11:50:00 by \(0071,1022\)"]),
        (WITHOUT, ["11:50:00 by the first AcquisitionTime"]),
        ({"frame_reference_ms": 0.0, "decay_factor": 1.0}, ["11:50:00 by the first AcquisitionTime"]),
        # One time for all beds, as some vendors write it
        ({"acquisition_time": "115000"}, ["FrameReferenceTime"]),
    ],
)
def test_series_time_of_20_minutes_before_the_scan_is_refused(fields, sources):
    with pytest.raises(CIPAError, match="11:30:00 by SeriesTime") as caught:
        suv_scale(moved(beds(**fields)))
    for source in sources:
        assert caught.match(source)
    assert caught.match("--suv-override")


def test_a_private_time_that_disagrees_is_refused_where_series_time_is_late():
    assert factor(changed(**LATE, ge_scan="20200102115000.00", siemens_scan="20200102115050")) > 0
    with pytest.raises(CIPAError, match=r"11:50:00 by \(0009,100D\), but 11:52:00 by \(0071,1022\)"):
        factor(changed(**LATE, ge_scan="20200102115000.00", siemens_scan="20200102115200"))


@pytest.mark.parametrize(
    "fields",
    [
        {"decay_factor": 1.0},  # Philips writes this in every slice
        {"frame_reference_ms": 0.0},
        {"frame_reference_ms": 45_858_000.0},  # a time of day in its place, as in old Philips files
        {"frame_reference_ms": float("nan"), "decay_factor": float("nan")},
        # All of them at the start, with the offsets of the beds from there, as in old GE files
        {"acquisition_time": "115000"},
        {"frame_duration_ms": None},
        {"series_time": "115050"[:4] + "00"},
    ],
)
def test_placeholders_and_other_readings_are_no_contradiction(fields):
    assert suv_scale(beds(**fields)).factors == pytest.approx([2 * FACTOR] * 3, rel=1e-12)


def test_a_part_of_a_series_whose_first_beds_were_left_out():
    assert suv_scale(beds()[2:]).factors == pytest.approx([2 * FACTOR], rel=1e-12)


def test_beds_that_were_each_corrected_to_their_own_start_are_refused():
    with pytest.raises(CIPAError, match="DecayFactor give moments 360 s apart"):
        suv_scale(beds(decay_factor=2 ** (90 / HALF_LIFE), frame_reference_ms=None))


@pytest.mark.parametrize("midnight", ["000000", "0000", "00", "000000.000000", "00:00:00"])
def test_injection_at_midnight_exactly_is_missing(midnight):
    early = {"series_time": "013000", "acquisition_time": "013000"}
    with pytest.raises(CIPAError, match=r"missing or invalid, or 00:00:00 .*--suv-override"):
        factor(changed(**early, injection_time=midnight))
    with pytest.raises(CIPAError, match="00:00:00"):
        factor(changed(**early, injection_time=midnight, injection_datetime="20200102000000.00"))
    # A second later it is a time
    later = changed(series_time="015001", acquisition_time="015001", injection_time="000001")
    assert factor(later) == pytest.approx(2 * FACTOR, rel=1e-12)


def test_the_other_attribute_counts_where_one_is_midnight():
    assert factor(changed(injection_time="000000", injection_datetime="20200102100000")) == pytest.approx(2 * FACTOR)
    assert factor(changed(injection_time="100000", injection_datetime="20200102000000")) == pytest.approx(2 * FACTOR)


def test_scan_at_midnight_exactly_is_missing():
    with pytest.raises(CIPAError, match="AcquisitionTime is missing"):
        factor(changed(series_time="000000", acquisition_time="000000", injection_time="221000"))
    facts = beds(series_time="000000")
    assert suv_scale(facts).used["reference_from"] == "AcquisitionTime less FrameReferenceTime"
    assert suv_scale(facts).used["elapsed_s"] == pytest.approx(HALF_LIFE, abs=1)


@pytest.mark.parametrize("offset", [None, "+0100"])
def test_acquisition_datetime_alone(offset):
    whole = "20200102115000.0" if offset is None else "20200102105000+0000"
    assert factor(changed(acquisition_time=None, acquisition_datetime=whole, timezone=offset)) == 2 * FACTOR
    with pytest.raises(CIPAError, match="AcquisitionTime is missing"):
        factor(changed(acquisition_time=None, acquisition_datetime="20200102105000+0000"))


@pytest.mark.parametrize("date", ["19931224", "20200105", "20190102"])
def test_dates_of_which_only_one_was_moved(date):
    assert suv_scale(beds(series_date=date)).used["reference_from"] == "SeriesTime"
    late = suv_scale(beds(series_date=date, series_time="093000"))
    assert late.used["reference_from"] == "AcquisitionTime less FrameReferenceTime"
    assert late.factors == pytest.approx([2 * FACTOR] * 3, rel=1e-3)


@pytest.mark.parametrize(("time", "tracer"), [("080900", HALF_LIFE), ("112900", 600.0)])
def test_more_than_two_half_lives_are_believed_on_demand(time, tracer):
    from nnunet_cipa.dicom.suv.rules import SuvRules

    facts = changed(injection_time=time, half_life=tracer)
    with pytest.raises(CIPAError, match="--most-half-lives"):
        factor(facts)
    hours, minutes = int(time[:2]), int(time[2:4])
    elapsed = 11 * 3600 + 50 * 60 - hours * 3600 - minutes * 60
    (found,) = suv_scale([facts], SuvRules(most_half_lives=3)).factors
    assert found == pytest.approx(FACTOR * 2 ** (elapsed / tracer), rel=1e-12)
