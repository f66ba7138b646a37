"""Members compared: against masks by hand, MedPy and SciPy's entropy."""

import math
from itertools import combinations

import numpy as np
import pytest
import SimpleITK as sitk
from medpy.metric import binary
from scipy.special import expit, logit
from scipy.stats import entropy

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.certainty import Members

SHAPE = (3, 7, 9)  # rows that do not fill bytes


def probabilities(number, seed=0):
    return np.random.default_rng(seed).beta(0.5, 0.7, (number, *SHAPE)).astype(np.float32)


def compare(given, mask=None, unsure_below=0.5, **how):
    members = Members(given.shape[1:], **how)
    for index, one in enumerate(given):
        members.add(f"fold {index}", one)
    return members.summarise(given.mean(axis=0) > 0.5 if mask is None else mask, 0.002, unsure_below)


def test_dice_and_volumes_are_those_of_medpy():
    given = probabilities(5)
    found, masks, mean = compare(given), given > 0.5, given.mean(axis=0) > 0.5
    expected = np.mean([binary.dc(first, second) for first, second in combinations(masks, 2)])
    assert found.expected_dice == pytest.approx(expected)
    assert [member.dice for member in found.members] == pytest.approx([binary.dc(one, mean) for one in masks])
    volumes = masks.sum(axis=(1, 2, 3)) * 0.002
    assert [member.volume_ml for member in found.members] == pytest.approx(volumes)
    assert found.volume_range_ml == pytest.approx((volumes.min(), volumes.max()))
    assert found.disputed_ml == pytest.approx((masks.any(axis=0) & ~masks.all(axis=0)).sum() * 0.002)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_maps_in_percent(dtype):
    given = probabilities(7).astype(dtype)
    found = compare(given, information=True).maps
    assert {values.dtype for values in found.values()} == {np.dtype(np.uint8)}
    # half a percent of rounding, and that of a 16-bit mean
    assert found["members"] == pytest.approx(100 * (given > 0.5).mean(axis=0), abs=0.5)
    assert found["probability"] == pytest.approx(100 * given.mean(axis=0, dtype=float), abs=0.6)
    mean = given.mean(axis=0, dtype=float)
    total = entropy([mean, 1 - mean], base=2)
    parts = entropy([given.astype(float), 1 - given.astype(float)], base=2).mean(axis=0)
    assert found["entropy"] == pytest.approx(100 * total, abs=0.7)
    assert found["mutual_information"] == pytest.approx(100 * (total - parts), abs=0.8)


def test_many_members_do_not_lose_the_mean():
    given = np.full((64, *SHAPE), 0.3, np.float32) + probabilities(64) / 10
    assert compare(given).maps["probability"] == pytest.approx(100 * given.mean(axis=0), abs=0.8)


def test_equal_members_have_no_information_between_them():
    found = compare(np.repeat(probabilities(1), 4, axis=0), information=True)
    assert found.expected_dice == 1
    assert found.disputed_ml == 0
    assert found.maps["mutual_information"].max() == 0
    assert not found.unsure
    assert found.warning == ""


def test_temperature_scales_before_the_mean():
    given = probabilities(3)
    found = compare(given, temperature=2.0)
    assert found.maps["probability"] == pytest.approx(100 * expit(logit(given.astype(float)) / 2).mean(axis=0), abs=0.6)
    assert found.expected_dice == compare(given).expected_dice


def test_empty_masks_agree_and_an_empty_one_does_not():
    nothing, something = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    something[1, 2:4, 3:6] = 0.9
    found = compare(np.stack([nothing, nothing]))
    assert (found.expected_dice, found.members[0].dice, found.unsure) == (1, 1, False)
    found = compare(np.stack([nothing, something]))
    assert (found.expected_dice, found.unsure, found.volume_range_ml) == (0, True, (0, pytest.approx(0.012)))
    assert "expected Dice of 0.00, below 0.5; their volumes go from 0.0 to 0.0 ml" in found.warning


def test_a_single_member_is_compared_with_nothing():
    found = compare(probabilities(1))
    assert math.isnan(found.expected_dice)
    assert found.facts()["unsure"] is None
    assert found.facts()["expected_dice_between_members"] is None
    assert found.warning == ""


def test_facts_are_plain():
    facts = compare(probabilities(3), temperature=1.5, unsure_below=0.99).facts()
    assert facts["unsure"] is True
    assert facts["temperature"] == 1.5
    assert [member["name"] for member in facts["members"]] == ["fold 0", "fold 1", "fold 2"]
    assert {type(value) for value in facts.values()} == {float, bool, list, str}


def test_maps_lie_on_the_ct():
    grid = sitk.GetImageFromArray(np.zeros(SHAPE, np.int16))
    grid.SetSpacing((0.5, 0.7, 3))
    grid.SetOrigin((1, -2, 3))
    grid.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    found = compare(probabilities(2))
    images = found.images(grid)
    assert list(images) == ["members", "probability"]
    for name, image in images.items():
        assert (sitk.GetArrayFromImage(image) == found.maps[name]).all()
        for part in ("GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(image, part)() == getattr(grid, part)()


def test_what_is_no_probability_is_refused():
    members = Members(SHAPE)
    with pytest.raises(CIPAError, match=r"fold 3: predicts \(2, 7, 9\) voxels"):
        members.add("fold 3", np.zeros((2, 7, 9)))
    for bad in (math.nan, -0.1, 1.1):
        given = np.zeros(SHAPE)
        given[0, 0, 0] = bad
        with pytest.raises(CIPAError, match="fold 3: predicts numbers that are not probabilities"):
            members.add("fold 3", given)
    with pytest.raises(ValueError, match="no member"):
        members.summarise(np.zeros(SHAPE, bool), 1.0, 0.5)
    members.add("fold 3", np.zeros(SHAPE))
    with pytest.raises(ValueError, match="fold 3: is a member already"):
        members.add("fold 3", np.zeros(SHAPE))
