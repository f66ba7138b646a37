"""Means over cases with bootstrap intervals over patients."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from nnunet_cipa.evaluation.settings import Settings

LEVEL = 0.95
# so many resampled numbers at a time bound the memory at any number of patients
_BATCH = 2_000_000


@dataclass(frozen=True)
class Mean:
    """A mean over cases and its bootstrap interval; NaN where it is not defined.

    Attributes
    ----------
    value, low, high : float
        Mean, and ends of the interval.
    cases, patients : int
        How many have a value.
    undefined : int
        Cases without one, which are left out.
    """

    value: float
    low: float
    high: float
    cases: int
    patients: int
    undefined: int


def bootstrap_mean(
    values: Sequence[float], patients: Sequence[str], resamples: int = Settings.resamples, seed: int = Settings.seed
) -> Mean:
    """Return the mean over cases and its 95 % interval, patients resampled with all their cases.

    Parameters
    ----------
    values : sequence of float
        One per case; NaN where it is not defined.
    patients : sequence of str
        Of the same cases.
    resamples, seed : int
        Of the bootstrap; the same seed gives the same interval.

    Notes
    -----
    Bias-corrected and accelerated (BCa): Efron, Better bootstrap confidence intervals, JASA 82 (1987). With fewer than
    two patients there is no interval. If all patients have one mean, that is both ends.
    """
    array = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(array)
    undefined = int((~defined).sum())
    sums, counts = _by_patient(array[defined], [patient for patient, use in zip(patients, defined, strict=True) if use])
    if not len(sums):
        return Mean(math.nan, math.nan, math.nan, 0, 0, undefined)
    value = float(sums.sum() / counts.sum())
    low, high = _interval(sums, counts, resamples, seed)
    return Mean(value, low, high, int(counts.sum()), len(sums), undefined)


def _by_patient(
    values: NDArray[np.float64], patients: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)[1]
    return np.bincount(index, values).astype(np.float64), np.bincount(index).astype(np.float64)


def _interval(sums: NDArray[np.float64], counts: NDArray[np.float64], resamples: int, seed: int) -> tuple[float, float]:
    if len(sums) < 2:
        return math.nan, math.nan
    means = sums / counts
    if np.ptp(means) <= 1e-12 * max(1.0, float(np.abs(means).max())):
        return float(means[0]), float(means[0])
    with warnings.catch_warnings():
        # very few patients can leave BCa without a distribution to correct; NaN then says so
        warnings.simplefilter("ignore", DegenerateDataWarning)
        found = bootstrap(
            (sums, counts), _ratio, paired=True, n_resamples=resamples, confidence_level=LEVEL, method="BCa",
            rng=np.random.default_rng(seed), batch=max(1, _BATCH // len(sums)),
        ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def _ratio(sums: NDArray[np.float64], counts: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = sums.sum(axis=axis) / counts.sum(axis=axis)
    return ratio
