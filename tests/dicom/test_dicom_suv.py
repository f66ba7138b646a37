"""SUV by each rule against closed forms."""

import pytest

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError
from tests.dicom.suv_facts import FACTOR, START, changed, factor


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
