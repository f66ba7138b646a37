"""Temperature of a network's probabilities."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from nnunet_cipa.evaluation.calibration.counts import LOG_ODDS, Counts
from nnunet_cipa.evaluation.calibration.limits import HIGHEST, LOWEST


def fit_temperature(counts: Counts) -> float:
    """Return the temperature with the least negative log-likelihood; NaN where tumour or background is missing.

    The log-odds are divided by it, so above 1 it makes a network less sure. It lies between ``LOWEST`` and ``HIGHEST``.

    Notes
    -----
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, for two classes: the logistic regression of
    the truth on the log-odds, without intercept, whose coefficient is 1 / T. It has one minimum.
    """
    used = counts.voxels > 0
    voxels, tumour, odds = counts.voxels[used], counts.tumour[used], LOG_ODDS[used]
    if not 0 < tumour.sum() < voxels.sum():
        return math.nan

    def loss(log_temperature: float) -> float:
        scaled = odds / math.exp(log_temperature)
        return float((voxels * np.logaddexp(0, scaled) - tumour * scaled).sum() / voxels.sum())

    found = minimize_scalar(
        loss, bounds=(math.log(LOWEST), math.log(HIGHEST)), method="bounded", options={"xatol": 1e-6}
    )
    return float(math.exp(found.x))


def scale_probability(probability: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return the probabilities of a tumour at a temperature; which are above one half does not change.

    0 and 1 stay. A 32-bit number has no digits left for log-odds beyond 16, which then count as such.
    """
    if temperature == 1:
        return probability
    return expit(logit(probability) / np.float32(temperature))
