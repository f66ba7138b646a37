"""The temperature, against logistic regression and networks whose temperature is known."""

import math

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from nnunet_cipa.evaluation.calibration.counts import LOG_ODDS, count_voxels
from nnunet_cipa.evaluation.calibration.limits import LOWEST
from nnunet_cipa.evaluation.calibration.temperature import fit_temperature, scale_probability


def draw(slope, voxels=40_000):
    random = np.random.default_rng(3)
    odds = random.choice(LOG_ODDS[500:-500], voxels)
    return odds, random.random(voxels) < expit(slope * odds)


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.5])
def test_it_is_the_coefficient_of_a_logistic_regression(slope):
    odds, truth = draw(slope)
    fitted = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(odds[:, None], truth)
    found = fit_temperature(count_voxels(expit(-odds), expit(odds), truth))
    assert found == pytest.approx(1 / fitted.coef_[0, 0], rel=1e-3)
    assert found == pytest.approx(1 / slope, rel=0.05)


def test_without_tumour_or_background_there_is_none():
    odds, _ = draw(1.0)
    for truth in (np.zeros(len(odds), bool), np.ones(len(odds), bool)):
        assert math.isnan(fit_temperature(count_voxels(expit(-odds), expit(odds), truth)))


def test_without_a_wrong_voxel_it_is_the_lowest():
    odds, _ = draw(1.0)
    odds = odds[np.abs(odds) > 1]
    assert fit_temperature(count_voxels(expit(-odds), expit(odds), odds > 0)) == pytest.approx(LOWEST, rel=1e-2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_scaling_is_softmax_of_the_divided_logits(temperature):
    logits = np.random.default_rng(0).normal(scale=2, size=(2, 5, 6, 7)).astype(np.float32)
    found = scale_probability(softmax(logits, axis=0)[1], temperature)
    assert found.dtype == np.float32
    assert found == pytest.approx(softmax(logits / temperature, axis=0)[1], abs=1e-4)
    assert ((found > 0.5) == (logits[1] > logits[0])).all()


def test_certain_voxels_stay_so():
    assert scale_probability(np.array([0, 1], np.float32), 2.0).tolist() == [0, 1]
