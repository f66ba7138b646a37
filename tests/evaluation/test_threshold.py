import re

import numpy as np
import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import PetThreshold, fit_pet_threshold


def plain_dice(truth, prediction):
    return 2 * (truth & prediction).sum() / (truth.sum() + prediction.sum())


def tumours(seed, count=3, shape=(3, 12, 14)):
    """Grey values of 0 to 255 that are higher in a box, and the box; the whole range is in the first case."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        truth = np.zeros(shape, dtype=bool)
        truth[1:, 2 : 6 + number, 3 : 8 - number] = True
        grey = np.clip(rng.normal(90 + 60 * truth, 40), 0, 255).astype(np.uint8)
        if number == 0:
            grey[0, 0, :2] = 0, 255
        cases.append((grey, truth))
    return cases


@pytest.mark.parametrize("scale", ["uint8", "paper"])
@pytest.mark.parametrize("seed", range(4))
def test_no_grey_value_is_a_better_threshold(dataset, scale, seed):
    """Each of the values that the PET has is tried, with the images as they are."""
    cases = tumours(seed)
    if scale == "paper":
        cases = [((grey / 255 * 3.2 - 1.6).astype(np.float32), truth) for grey, truth in cases]
    files = [dataset.add(f"c{index}", truth, pet=pet) for index, (pet, truth) in enumerate(cases)]
    values = np.unique([pet for pet, _ in cases])
    means = [np.mean([plain_dice(truth, pet >= value) for pet, truth in cases]) for value in values]
    found = fit_pet_threshold(files)
    assert found.dice == pytest.approx(max(means), abs=1e-12)
    applied = np.mean([plain_dice(truth, found.predict(pet)) for pet, truth in cases])
    assert applied == pytest.approx(found.dice, abs=1e-12)


def test_each_grey_value_is_within_reach(dataset):
    """A tumour of one grey level and all above it, for each level of the whole 8-bit range, on the paper's scale."""
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    pet = (grey / 255 * 3.2 - 1.6).astype(np.float32)
    for level in range(256):
        found = fit_pet_threshold([dataset.add("a", grey >= level, pet=pet)])
        np.testing.assert_array_equal(found.predict(pet), grey >= level)
        assert found.dice == 1


def test_a_value_equal_to_the_threshold_is_tumour():
    pet = np.array([0.1, np.nextafter(np.float32(0.3), np.float32(0)), 0.3, 0.5], dtype=np.float32)
    found = PetThreshold(float(np.float32(0.3)), 1.0).predict(pet)
    assert found.tolist() == [False, False, True, True]


@pytest.mark.parametrize("grey", [0, 255])
def test_the_lowest_and_the_highest_value_are_thresholds_too(dataset, grey):
    pet = np.zeros((1, 4, 4), dtype=np.float32)
    pet[0, 0, 0] = 255
    found = fit_pet_threshold([dataset.add("a", pet >= grey, pet=pet)])
    assert found.dice == 1
    np.testing.assert_array_equal(found.predict(pet), pet >= grey)


def test_constant_pet(dataset):
    truth = np.zeros((1, 4, 4), dtype=bool)
    truth[0, :2] = True
    found = fit_pet_threshold([dataset.add("a", truth, pet=np.full(truth.shape, 7, dtype=np.uint8))])
    assert (found.value, found.dice) == pytest.approx((7, 2 * 8 / (8 + 16)))


def test_case_without_tumour_does_not_count(dataset):
    (first, truth), (second, _) = tumours(0, count=2)
    files = [dataset.add("a", truth, pet=first), dataset.add("b", np.zeros_like(truth), pet=second)]
    assert fit_pet_threshold(files).dice == pytest.approx(fit_pet_threshold(files[:1]).dice)


def test_no_tumour_at_all(dataset):
    case = dataset.add("a", np.zeros((2, 3, 4), dtype=bool))
    with pytest.raises(CIPAError, match=re.escape(f"{case.truth.parent}: no mask holds tumour")):
        fit_pet_threshold([case])


def test_pet_on_another_grid_than_the_mask(dataset, write):
    case = dataset.add("a", np.ones((2, 3, 4), dtype=bool))
    write(case.pet, np.ones((2, 3, 5), dtype=np.float32))
    with pytest.raises(CIPAError, match=re.escape(f"{case.pet}: has size (2, 3, 5) and {case.truth} has (2, 3, 4)")):
        fit_pet_threshold([case])
