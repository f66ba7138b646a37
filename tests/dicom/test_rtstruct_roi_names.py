"""Which ROI is taken, and what is said if none or several could be."""

import unicodedata

import pytest

from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi
from nnunet_cipa.errors import CIPAError

OTHERS = ["BODY", "Lung_L", "GTV", "PTV", "PTV_IGTV", "IGTVn", "ITV+5mm", "IGTV minus heart", "IGTV_old", "CITV"]


def chosen(names, pattern=None):
    return names[choose_roi(names, pattern, "set.dcm")]


@pytest.mark.parametrize(
    "name",
    ["IGTV", "iGTV", "igtv", " IGTV ", "ITV", "itv", "igtv_p", "IGTV-1", "IGTVp", "IGTVp1", "IGTV_p_2", "i GTV",
     "I-GTV", "i_gtv_p", "IGTV_MIP", "IGTV 4D", "IGTV_4DCT", "ITV_MIP", "ITV 2", "ITVp", "ITV_tumor", "IGTV_lung_left"],
)  # fmt: skip
def test_common_spellings_are_found_among_others(name):
    assert chosen([*OTHERS[:5], name, *OTHERS[5:]]) == name


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ITV", "iGTV"], "iGTV"),
        (["igtv_p", "ITV", "IGTV"], "IGTV"),
        (["igtv_p", "IGTV_1", "ITV"], "ITV"),
        (["ITV_MIP", "ITV_AVG", "i GTV"], "i GTV"),
    ],
)
def test_order_of_preference(names, expected):
    assert chosen(names) == expected
    assert chosen(names[::-1]) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("gtv", "GTV"),
        (".*heart", "IGTV minus heart"),
        (r"itv\+5mm", "ITV+5mm"),
        ("itv+5mm", "ITV+5mm"),
        ("lung.l", "Lung_L"),
    ],
)
def test_pattern_matches_a_whole_name_whatever_its_case(pattern, expected):
    assert chosen(OTHERS, pattern) == expected


@pytest.mark.parametrize(
    ("names", "pattern", "said"),
    [
        (["IGTV-1", "IGTV-2"], None, r"'IGTV-1', 'IGTV-2' all match the usual names"),
        (["IGTV", "GTV", "PTV"], ".*gtv", r"'IGTV', 'GTV' all match --roi '\.\*gtv'"),
        (OTHERS, None, r"no ROI matches the usual names.*'BODY', 'Lung_L', 'GTV'.*'CITV'"),
        (OTHERS, "heart", r"no ROI matches --roi 'heart'; it holds 'BODY'"),
        ([], None, "holds none"),
    ],
)
def test_none_and_several_are_listed(names, pattern, said):
    with pytest.raises(CIPAError, match=f"^set.dcm: .*{said}.*name one with --roi"):
        chosen(names, pattern)


def test_names_that_no_pattern_tells_apart_are_to_be_changed():
    with pytest.raises(CIPAError, match=r"'IGTV', 'igtv ' all match the usual names of an IGTV; rename all but one$"):
        chosen(["IGTV", "igtv ", "ITV"])


@pytest.mark.parametrize("pattern", ["(", "*", "a{99999999999999999999}"])
def test_what_is_no_pattern_is_told(pattern):
    with pytest.raises(CIPAError, match="not a regular expression"):
        chosen(["IGTV"], pattern)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("pattern", ["GTV_Tumör", "gtv_tum.r", "GTV_Tumör|ITV"])
def test_accents_may_be_composed_or_not(form, pattern):
    for own in ("NFC", "NFD"):
        names = ["GTV", unicodedata.normalize(form, "GTV_Tumör")]
        assert choose_roi(names, unicodedata.normalize(own, pattern), "set.dcm") == 1


def test_a_name_that_is_there_twice_is_said_to_be_so_whatever_its_accents():
    names = [unicodedata.normalize(form, "Tumör") for form in ("NFC", "NFD")]
    with pytest.raises(CIPAError, match=r"all match.*rename all but one"):
        choose_roi(names, "Tumör", "set.dcm")
