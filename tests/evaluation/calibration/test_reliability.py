"""The reliability diagram and its error, against MONAI and numbers by hand."""

import math

import numpy as np
import pytest
import torch
from monai.metrics.calibration import CalibrationErrorMetric, calibration_binning
from scipy.special import expit

from nnunet_cipa.evaluation import Settings
from nnunet_cipa.evaluation.calibration.counts import LOG_ODDS, add_counts, count_voxels
from nnunet_cipa.evaluation.calibration.reliability import BINS, measure_reliability

SETTINGS = Settings(resamples=499)


def draw(seed, voxels=20_000, slope=1.0):
    """Probabilities whose truth is drawn at another slope of the log-odds, and that truth."""
    random = np.random.default_rng(seed)
    # at the centres of the bins, so that counting loses nothing, but for 0, which MONAI has in the bin below 0.5
    odds = random.choice(LOG_ODDS[301:-300:2], voxels)
    return expit(odds), random.random(voxels) < expit(slope * odds)


def counts_of(probability, truth):
    return count_voxels(1 - probability, probability, truth)


def reliability(*cases, temperature=1.0):
    found = {str(number): {temperature: counts_of(*case)} for number, case in enumerate(cases)}
    return measure_reliability(found, SETTINGS)


def test_error_and_bins_are_those_of_monai():
    cases = [draw(seed, slope=0.5) for seed in range(4)]
    found = reliability(*cases)
    probability, truth = (np.concatenate(parts) for parts in zip(*cases, strict=True))
    given = [torch.from_numpy(array.astype(np.float32))[None, None] for array in (probability, truth)]
    metric = CalibrationErrorMetric(num_bins=BINS)
    metric(*given)
    assert found.ece.value == pytest.approx(metric.aggregate().item(), abs=2e-5)
    expected = [array[0, 0].numpy() for array in calibration_binning(*given, num_bins=BINS)]
    assert [one.probability for one in found.bins] == pytest.approx(expected[0], abs=1e-4)
    assert [one.share.value for one in found.bins] == pytest.approx(expected[1], abs=1e-6)
    assert [one.voxels for one in found.bins] == expected[2].astype(int).tolist()


def test_any_probabilities_are_counted_closely():
    """What lies between the centres of the bins is off by half a step at most, and the errors cancel."""
    random = np.random.default_rng(0)
    probability = random.beta(0.3, 0.3, 50_000).astype(np.float32)
    truth = random.random(50_000) < probability**2
    given = [torch.from_numpy(array.astype(np.float32))[None, None] for array in (probability, truth)]
    metric = CalibrationErrorMetric(num_bins=BINS)
    metric(*given)
    assert reliability((probability, truth)).ece.value == pytest.approx(metric.aggregate().item(), abs=5e-4)


def test_by_hand():
    """Of ten voxels at 0.75 five are tumour, of thirty at 0.15 six."""
    probability = np.repeat([0.75, 0.15], [10, 30])
    truth = np.arange(40) < 5
    truth[10:16] = True
    found = reliability((probability, truth))
    assert found.ece.value == pytest.approx((10 * 0.25 + 30 * 0.05) / 40, abs=2.5e-3)
    assert [(one.low, one.high, one.voxels) for one in found.bins if one.voxels] == [(0.1, 0.2, 30), (0.7, 0.8, 10)]
    assert math.isnan(found.bins[0].share.value)


def test_a_temperature_moves_voxels_to_other_bins():
    case = draw(1, slope=0.5)
    assert reliability(case, temperature=2.0).ece.value < 0.02 < reliability(case).ece.value


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """The share of tumour in a bin varies from patient to patient; its expectation over patients is known."""
    random, hits = np.random.default_rng(5), 0
    for _ in range(100):
        cases = [(np.full(200, 0.55), random.random(200) < share) for share in random.beta(4, 4, 30)]
        share = reliability(*cases).bins[5].share
        hits += share.low <= 0.5 <= share.high
    assert 86 <= hits <= 99


def test_one_patient_has_no_interval():
    found = reliability(draw(0))
    assert math.isfinite(found.ece.value)
    assert math.isnan(found.ece.low)
    assert math.isnan(found.bins[3].share.high)


def test_extreme_probabilities_count_at_the_ends():
    tumour, background = np.array([1, 0, 1e-30], np.float32), np.array([0, 1, 1], np.float32)
    counts = count_voxels(background, tumour, np.array([True, False, False]))
    assert (counts.voxels[0], counts.voxels[-1], counts.tumour[-1]) == (2, 1, 1)
    assert counts.voxels.sum() == add_counts([counts, counts]).voxels.sum() / 2 == 3
