"""Values in place of the headers': how they are read, what they do, and what they cannot do."""

from dataclasses import replace

import pytest

from nnunet_cipa.dicom.suv.clock import Moment
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.dicom.suv.override import COLUMNS, SuvOverride
from nnunet_cipa.dicom.suv.override_file import read_overrides, suv_rules
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError
from tests.dicom.suv_facts import FACTOR, HALF_LIFE, START, changed


def given(tmp_path, text):
    """What the only row of a file gives."""
    path = tmp_path / "override.csv"
    path.write_text(text, encoding="utf-8")
    (override,) = read_overrides(path).rows.values()
    return override


def scale(facts, tmp_path, columns, values):
    return suv_scale([facts], SuvRules(override=given(tmp_path, f"patient_id,{columns}\nP1,{values}\n")))


@pytest.mark.parametrize(
    ("columns", "values", "factor"),
    [
        ("weight_kg", "90", 90_000 / 300e6 * 2),
        ("dose_bq", "1.5e8", 60_000 / 150e6 * 2),
        ("dose_mbq", "150", 60_000 / 150e6 * 2),
        ("half_life_s", "3300", FACTOR * 4),
        ("injection_time", "08:10:00", FACTOR * 4),
        ("injection_time", "8:10", FACTOR * 4),
        ("injection_time", "081000", FACTOR * 4),
        ("injection_time", "2020-01-02 08:10:00", FACTOR * 4),
        ("injection_time", "2020-01-02T08:10", FACTOR * 4),
        ("injection_time", "20200102081000", FACTOR * 4),
        ("scan_time", "13:40:00", FACTOR * 4),
        # Midnight by hand is midnight
        ("injection_time,scan_time", "00:00:00,01:50:00", FACTOR * 2),
        # Both by hand: believed beyond two half lives
        ("injection_time,scan_time", "10:00,15:30", FACTOR * 8),
        ("weight_kg,dose_mbq,comment", '90,150,"weighed later, as noted"', 90_000 / 150e6 * 2),
    ],
)
def test_what_is_given_counts(tmp_path, columns, values, factor):
    found = scale(START, tmp_path, columns, values)
    assert found.factors[0] == pytest.approx(factor, rel=1e-12)
    assert "count in place of the header's" in found.notes[0]


def test_provenance_has_both_values_and_no_date(tmp_path):
    facts = changed(weight=61.0, injection_time="103000")
    found = scale(facts, tmp_path, "weight_kg,injection_time", "60,2020-01-02 10:00:00")
    assert found.used["override"] == {
        "weight_kg": {"header": 61.0, "given": 60.0},
        "injection_time": {"header": "103000", "given": "10:00:00"},
    }
    assert found.used["PatientWeight"] == 60
    assert "override" not in suv_scale([START]).used


def test_times_that_contradict_each_other_are_overridden(tmp_path):
    bad = changed(series_time="113000", acquisition_time=None, injection_time=None)
    found = scale(bad, tmp_path, "injection_time,scan_time", "10:00:00,11:50:00")
    assert found.factors[0] == pytest.approx(2 * FACTOR, rel=1e-12)
    assert found.used["reference_from"] == found.used["injection_from"] == "--suv-override"


def test_the_dates_given_count_with_a_long_half_life(tmp_path):
    facts = changed(half_life=78.41 * 3600, series_date=None)
    found = scale(facts, tmp_path, "injection_time,scan_time", "2019-12-30 11:50,2020-01-02 11:50")
    assert found.factors[0] == pytest.approx(FACTOR * 2 ** (72 / 78.41), rel=1e-12)


def test_a_weight_that_differs_between_slices_is_overridden(tmp_path):
    rules = SuvRules(override=given(tmp_path, "patient_id,weight_kg\nP1,60\n"))
    assert suv_scale([START, changed(weight=61.0)], rules).factors == pytest.approx([2 * FACTOR] * 2)


def test_the_injection_of_the_scan_among_two(tmp_path):
    facts = changed(injections=2, half_life=None, dose=37e6)
    found = scale(facts, tmp_path, "dose_mbq,half_life_s,injection_time", f"300,{HALF_LIFE},10:00")
    assert found.factors[0] == pytest.approx(2 * FACTOR, rel=1e-12)
    with pytest.raises(CIPAError, match="2 injections"):
        scale(facts, tmp_path, "dose_mbq", "300")


def test_scan_time_where_decay_was_not_corrected(tmp_path):
    none = {"decay_correction": "NONE", "corrections": ("ATTN",), "frame_duration_ms": 0.001}
    slices = [changed(**none, acquisition_time=time) for time in ("093000", "092000")]
    rules = SuvRules(override=given(tmp_path, "patient_id,scan_time\nP1,11:50\n"))
    expected = [FACTOR * 2 ** ((HALF_LIFE + later) / HALF_LIFE) for later in (600, 0)]
    assert suv_scale(slices, rules).factors == pytest.approx(expected, rel=1e-9)


def test_times_have_no_effect_on_what_is_corrected_to_the_injection(tmp_path):
    found = scale(changed(decay_correction="ADMIN"), tmp_path, "scan_time,weight_kg", "12:00,60")
    assert found.factors == (FACTOR,)
    assert "scan_time of --suv-override have no effect" in found.notes[1]


GML = replace(START, units="GML", suv_type="LBMJAMES128", height=1.75, weight=70.0, sex=None)


def test_what_a_header_in_suv_lacks(tmp_path):
    assert scale(GML, tmp_path, "sex", "m").factors[0] == pytest.approx(70 / 56.52)
    plain = replace(GML, suv_type="LBM", height=None)
    columns = scale(plain, tmp_path, "sex,height_cm,suv_type", "F,175,LBMJAMES128")
    assert columns.factors[0] == pytest.approx(70 / 51.22)


@pytest.mark.parametrize(("column", "value"), [("weight_kg", "71"), ("dose_mbq", "300"), ("scan_time", "11:50")])
def test_suv_that_was_made_with_something_else_cannot_be_corrected(tmp_path, column, value):
    with pytest.raises(CIPAError, match=rf"gives {column} .*Units are GML.*cannot be corrected"):
        scale(GML, tmp_path, column, value)


def test_counts_are_converted_by_the_factor_to_bqml(tmp_path):
    facts = changed(units="CNTS", philips_suv=0.9, philips_bqml=1.5)
    assert scale(facts, tmp_path, "weight_kg", "90").factors[0] == pytest.approx(1.5 * 1.5 * 2 * FACTOR)
    with pytest.raises(CIPAError, match="without a factor to Bq/ml"):
        scale(changed(units="CNTS", philips_suv=0.9), tmp_path, "weight_kg", "90")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("patient_id,weight_kg\n", "but no row"),
        ("weight_kg\n70\n", "has no column patient_id"),
        ("patient_id,weight\nP1,70\n", "'weight'.*if it is weight_kg, name it so"),
        ("patient_id,weight_lb\nP1,154\n", "'weight_lb'.*if it is weight_kg"),
        ("patient_id,dose_mci\nP1,8\n", "'dose_mci'.*if it is dose_bq or dose_mbq"),
        ("patient_id,height_m\nP1,1.8\n", "'height_m'.*height_cm"),
        ("patient_id,colour\nP1,red\n", "'colour'.*correct it"),
        ("patient_id,weight_kg,Weight kg\nP1,70,70\n", "weight_kg twice"),
        ("patient_id,weight_kg\nP1\n", "line 2: has 1 values"),
        ("patient_id,weight_kg\nP1,70,1\n", "line 2: has 3 values"),
        ("patient_id,weight_kg\n,70\n", "line 2: has no patient_id"),
        ("patient_id,weight_kg\nP1,70\n\nP1,71\n", "line 4: patient 'P1' was there before"),
        ("patient_id,weight_kg\nP1,\n", "gives no value"),
        ("patient_id,dose_bq,dose_mbq\nP1,3e8,300\n", "gives dose_bq and dose_mbq"),
        ("patient_id,dose_bq\nP1,300\n", r"dose_bq is '300'; give a number of Bq from 1e\+06"),
        ("patient_id,dose_mbq\nP1,3e8\n", "dose_mbq is '3e8'"),
        ("patient_id,weight_kg\nP1,nan\n", "weight_kg is 'nan'"),
        ("patient_id,weight_kg\nP1,70 kg\n", "weight_kg is '70 kg'"),
        ("patient_id;weight_kg\nP1;70,5\n", "weight_kg is '70,5'; .*decimal point"),
        ("patient_id,weight_kg\nP1,-70\n", "2 to 400"),
        ("patient_id,height_cm\nP1,1.8\n", "height_cm is '1.8'; give a number of cm from 40 to 250"),
        ("patient_id,sex\nP1,male\n", "give one of M, F, O"),
        ("patient_id,suv_type\nP1,LBM\n", "give one of BW, LBMJAMES128"),
        ("patient_id,scan_time\nP1,25:00\n", "scan_time is '25:00'; give a time as HH:MM:SS"),
        ("patient_id,scan_time\nP1,9am\n", "give a time"),
        ("patient_id,scan_time\nP1,2020-02-30 10:00\n", "give a time"),
        ("patient_id,scan_time\nP1,93000\n", "give a time"),
        ('patient_id,weight_kg\nP1,"70\n', "is not CSV"),
    ],
)
def test_files_that_are_refused(tmp_path, text, reason):
    with pytest.raises(CIPAError, match=reason) as caught:
        given(tmp_path, text)
    assert str(tmp_path / "override.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(CIPAError, match=r"missing\.csv"):
        read_overrides(tmp_path / "missing.csv")
    (tmp_path / "binary.csv").write_bytes(b"patient_id,weight_kg\nM\xfcller,70\n")
    with pytest.raises(CIPAError, match=r"binary\.csv.*UTF-8"):
        read_overrides(tmp_path / "binary.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_as_spreadsheets_write_it(tmp_path, separator):
    lines = ["\ufeffPatientID,Weight [kg],Injection time", "P1,70.5,", ""]
    override = given(tmp_path, "\r\n".join(lines).replace(",", separator))
    assert override == SuvOverride({"weight_kg": 70.5})


def test_every_column_is_read(tmp_path):
    values = ["70", "175", "F", "IBW", "300000000", "", "6586.2", "23:59:59.5", "1999-12-31 00:00"]
    override = given(tmp_path, f"patient_id,{','.join(COLUMNS)}\nP1,{','.join(values)}\n")
    assert list(override.given.values())[:6] == [70, 1.75, "F", "IBW", 3e8, 6586.2]
    assert override.given["injection_time"] == Moment(None, 86399.5)
    assert str(override.given["scan_time"].day) == "1999-12-31"


def rules(tmp_path, text, studies):
    path = tmp_path / "override.csv"
    path.write_text(text)
    return suv_rules(SuvOptions(path), studies)


def test_rows_of_nobody_and_of_several_studies(tmp_path):
    with pytest.raises(CIPAError, match="no PET of a patient 'P2'"):
        rules(tmp_path, "patient_id,weight_kg\nP2,70\n", {"P1": ["1.2"]})
    with pytest.raises(CIPAError, match=r"'P1' has PET of 2 studies \(1\.2, 1\.3\); give a row each, with study_uid"):
        rules(tmp_path, "patient_id,weight_kg\nP1,70\n", {"P1": ["1.2", "1.3"]})
    with pytest.raises(CIPAError, match=r"no PET in study 1\.4"):
        rules(tmp_path, "patient_id,study_uid,weight_kg\nP1,1.4,70\n", {"P1": ["1.2"]})
    found = rules(tmp_path, "patient_id,study_uid,weight_kg\nP1,1.2,70\nP1,1.3,71\n", {"P1": ["1.2", "1.3"], "P2": []})
    assert [found("P1", uid).override.given for uid in ("1.2", "1.3")] == [{"weight_kg": 70}, {"weight_kg": 71}]
    assert found("P2", "1.2").override is None


@pytest.mark.parametrize("number", [0.0, -1.0, 6.5, float("nan"), float("inf")])
def test_times_that_nobody_waits(number):
    with pytest.raises(UsageError, match="--most-half-lives"):
        SuvRules(most_half_lives=number)
