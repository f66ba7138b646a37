"""Intervals and tests against published examples, R's results and closed forms."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from nnunet_cipa.evaluation import (
    METRICS,
    Measures,
    Overlap,
    Score,
    Settings,
    SliceMeasures,
    bootstrap_mean,
    compare,
    compute_statistics,
    holm,
    volume_strata,
)
from nnunet_cipa.evaluation.metrics.catalogue import all_metrics
from nnunet_cipa.nnunet.cases import CaseFiles

# Hollander and Wolfe (1973), p. 29 f.: depression scores of nine patients, the example of R's wilcox.test
FIRST_VISIT = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
SECOND_VISIT = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
NINE = [f"p{number}" for number in range(9)]


def test_wilcoxon_and_effect_of_a_published_example():
    """R: V = 40, p = 0.01953 one-sided. So W+ is 40 and W- 5 of 45 ranks."""
    found = compare(FIRST_VISIT, SECOND_VISIT, NINE)
    assert found.p == pytest.approx(2 * 0.01953125)
    assert found.effect == pytest.approx((40 - 5) / 45)
    assert found.difference.value == pytest.approx(np.mean(FIRST_VISIT) - np.mean(SECOND_VISIT))
    swapped = compare(SECOND_VISIT, FIRST_VISIT, NINE)
    assert (swapped.p, swapped.effect) == pytest.approx((found.p, -found.effect))


def test_pairs_without_both_values_are_left_out():
    found = compare([*FIRST_VISIT, math.nan, 1.0], [*SECOND_VISIT, 0.0, math.nan], [*NINE, "x", "y"])
    assert found.p == pytest.approx(2 * 0.01953125)
    assert (found.difference.patients, found.difference.undefined) == (9, 2)


def test_equal_models_and_rounding():
    found = compare([0.1 + 0.2, 0.5, 0.7], [0.3, 0.5, 0.7], ["a", "b", "c"])
    assert (found.p, found.effect) == (1, 0)
    nothing = compare([math.nan], [1.0], ["a"])
    assert math.isnan(nothing.p)
    assert math.isnan(nothing.effect)


def test_cases_of_a_patient_are_one_observation():
    """Each patient cut into three cases tells no more than the patient."""
    spread = (-0.3, 0.1, 0.2)
    first = [value + more for value in FIRST_VISIT for more in spread]
    second = [value for value in SECOND_VISIT for _ in spread]
    found = compare(first, second, [patient for patient in NINE for _ in spread])
    assert found.p == pytest.approx(2 * 0.01953125)
    assert (found.difference.cases, found.difference.patients) == (27, 9)


def test_holm_of_a_published_example():
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9, 0.02]) == pytest.approx([1, 1, 0.06])
    assert holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert holm([]) == []


def test_interval_of_many_values_is_the_normal_one():
    values = np.random.default_rng(0).normal(0.7, 0.1, 400)
    found = bootstrap_mean(values, [str(number) for number in range(400)])
    half = 1.959964 * values.std(ddof=1) / math.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.06 * half)


def test_interval_of_skewed_values_is_skewed():
    """BCa and not a normal interval: Dice piles up below 1, and the longer end points to the long tail."""
    values = 1 - np.random.default_rng(1).exponential(0.1, 25)
    found = bootstrap_mean(values, [str(number) for number in range(25)])
    assert found.value - found.low > 1.15 * (found.high - found.value)


def test_interval_is_over_patients():
    """Ten copies of every case of a patient make the interval no narrower; the mean counts cases."""
    values = list(np.random.default_rng(2).uniform(size=30))
    patients = [str(number) for number in range(30)]
    once, copied = bootstrap_mean(values, patients), bootstrap_mean(values * 10, patients * 10)
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high))
    assert (copied.cases, copied.patients) == (300, 30)


def test_interval_of_patients_with_many_cases_and_with_few():
    """100 patients with nine cases of 1, 100 with one of 0: 0.9, and by the delta method 0.0127 as its error."""
    values, patients = [], []
    for number in range(100):
        values += [1.0] * 9 + [0.0]
        patients += [f"many{number}"] * 9 + [f"few{number}"]
    found = bootstrap_mean(values, patients)
    # of a patient's sum less 0.9 times its count: 9 - 8.1 or 0 - 0.9, over a mean count of 5
    half = 1.96 * 0.9 / 5 / math.sqrt(200)
    assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.9 - half, 0.9 + half), abs=0.15 * half)


def test_a_seed_gives_one_interval():
    values, patients = [0.1, 0.5, 0.4, 0.9, 0.7], list("abcde")
    assert bootstrap_mean(values, patients, seed=1) == bootstrap_mean(values, patients, seed=1)
    assert bootstrap_mean(values, patients, seed=1) != bootstrap_mean(values, patients, seed=2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (math.nan, math.nan, math.nan, 0, 0)),
        ([math.nan], (math.nan, math.nan, math.nan, 0, 1)),
        ([0.5], (0.5, math.nan, math.nan, 1, 0)),
        ([0.5, 0.5, math.nan], (0.5, 0.5, 0.5, 2, 1)),
    ],
)
def test_few_or_equal_values(values, expected):
    found = bootstrap_mean(values, [str(number) for number in range(len(values))])
    assert (found.value, found.low, found.high, found.cases, found.undefined) == pytest.approx(expected, nan_ok=True)


def test_strata_by_volume():
    volumes = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 10.0, "e": 20.0, "f": 30.0, "empty": 0.0}
    assert [(s.cases, s.low, s.high) for s in volume_strata(volumes)] == [
        (("a", "b"), 1, 2),
        (("c", "d"), 3, 10),
        (("e", "f"), 20, 30),
    ]
    assert [s.cases for s in volume_strata({"a": 5.0, "b": 5.0})] == [("a", "b")]
    assert volume_strata({"a": 0.0}) == []


ONES = dict.fromkeys((metric.name for metric in all_metrics()), 1)


def score(model, number, dice):
    """Case ``number`` of fold ``number % 5``; cases 0 and 1 are of one patient."""
    nowhere = Path("x")
    return Score(
        model,
        number % 5,
        CaseFiles(f"case{number}", nowhere, nowhere, nowhere, nowhere),
        f"p{max(number, 1)}",
        Measures(**ONES | {"dice": dice, "truth_ml": number + 1.0}),
        SliceMeasures(Overlap(number, 10, 10, 100), 2, 3.0 * number),
    )


def test_statistics_of_two_models():
    rng = np.random.default_rng(3)
    dice = {"a": rng.uniform(0.5, 0.9, 10), "b": rng.uniform(0.4, 0.8, 10)}
    scores = [score(model, number, float(found[number])) for model, found in dice.items() for number in range(10)]
    # the order of one model's cases is not that of the other's
    scores[10:] = scores[:9:-1]
    found = compute_statistics(scores, Settings(resamples=999))
    assert found.means["a", "dice"].value == pytest.approx(dice["a"].mean())
    assert found.means["b", "dice"].patients == 9
    assert found.fold_means["a", "dice"] == pytest.approx([dice["a"][fold::5].mean() for fold in range(5)])
    assert {metric for _, metric in found.means} == set(METRICS)
    tests = {test.metric: test for test in found.tests}
    assert list(tests) == ["dice", "nsd", "hd95_mm"]
    differences = dice["a"] - dice["b"]
    by_patient = [differences[:2].mean(), *differences[2:]]
    assert tests["dice"].comparison.p == pytest.approx(wilcoxon(by_patient).pvalue)
    assert tests["dice"].holm == pytest.approx(min(1, 3 * tests["dice"].comparison.p))
    assert (tests["nsd"].comparison.p, tests["nsd"].comparison.effect) == (1, 0)
    assert found.slices["b"].iou == pytest.approx(45 / (200 - 45))
    assert found.slices["b"].hd95_px == pytest.approx(3 * 45 / 20)
    (small, means), *_ = found.strata
    assert small.cases == ("case0", "case1", "case2", "case3")
    assert means["a"].value == pytest.approx(dice["a"][:4].mean())
