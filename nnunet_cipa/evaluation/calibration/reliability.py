"""Reliability: the share of tumour among voxels of about one probability, with intervals over patients."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from nnunet_cipa.evaluation.calibration.counts import LOG_ODDS, Counts
from nnunet_cipa.evaluation.intervals import LEVEL, Mean
from nnunet_cipa.evaluation.settings import Settings

BINS = 10
# so many resampled numbers at a time bound the memory at any number of patients
_BATCH = 2_000_000


@dataclass(frozen=True)
class Bin:
    """Voxels with a probability from ``low`` to ``high``; NaN where there are none.

    Attributes
    ----------
    low, high : float
        Of the probability.
    voxels : int
        How many.
    probability : float
        Their mean probability.
    share : Mean
        Share of them that is tumour, and its interval.
    """

    low: float
    high: float
    voxels: int
    probability: float
    share: Mean


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram, and the expected calibration error: the mean of its bins' gaps, weighed by their voxels.

    Notes
    -----
    Source: Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015, of the probability
    of tumour in bins of equal width.
    """

    bins: tuple[Bin, ...]
    ece: Mean


def measure_reliability(patients: Mapping[str, Mapping[float, Counts]], settings: Settings) -> Reliability:
    """Measure the reliability of probabilities at given temperatures.

    Parameters
    ----------
    patients : dict
        Patient -> temperature -> counts of the voxels whose probabilities are to be scaled by it.
    settings : Settings
        Resamples and seed of the intervals.

    Notes
    -----
    Intervals are percentiles over resampled patients. An error is never below 0, so those of the expected calibration
    error lean upwards where it is small.
    """
    tables = np.array([sum(_table(counts, t) for t, counts in found.items()) for found in patients.values()])
    totals = tables.sum(axis=0)
    drawn = _resample(tables, settings)
    shares, low, high = _shares(totals), *_limits(_shares(drawn))
    voxels, probabilities, _ = totals
    bins = tuple(
        Bin(
            index / BINS, (index + 1) / BINS, int(voxels[index]),
            float(probabilities[index] / voxels[index]) if voxels[index] else math.nan,
            _mean(shares[index], low[index], high[index], tables[:, 0, index]),
        )
        for index in range(BINS)
    )  # fmt: skip
    return Reliability(bins, _mean(_ece(totals), *_limits(_ece(drawn)), tables[:, 0].sum(axis=1)))


def _table(counts: Counts, temperature: float) -> NDArray[np.float64]:
    """Return voxels, sum of their probabilities and voxels of tumour by bin, (3, BINS)."""
    probability = expit(LOG_ODDS / temperature)
    index = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    columns = (counts.voxels, counts.voxels * probability, counts.tumour)
    return np.array([np.bincount(index, column, BINS) for column in columns])


def _resample(tables: NDArray[np.float64], settings: Settings) -> NDArray[np.float64]:
    """Return the sums over resampled patients, (resamples, 3, BINS); none of a single patient."""
    number = len(tables)
    if number < 2:
        return np.full((1, *tables.shape[1:]), math.nan)
    random, flat = np.random.default_rng(settings.seed), tables.reshape(number, -1)
    step = max(1, _BATCH // number)
    parts = [
        random.multinomial(number, np.full(number, 1 / number), min(step, settings.resamples - start)) @ flat
        for start in range(0, settings.resamples, step)
    ]
    return np.concatenate(parts).reshape(-1, *tables.shape[1:])


def _shares(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    voxels, _, tumour = np.moveaxis(sums, -2, 0)
    return np.divide(tumour, voxels, out=np.full_like(tumour, math.nan), where=voxels > 0)


def _ece(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    voxels, probabilities, tumour = np.moveaxis(sums, -2, 0)
    total = voxels.sum(axis=-1)
    gaps = np.abs(tumour - probabilities).sum(axis=-1)
    return np.divide(gaps, total, out=np.full_like(gaps, math.nan), where=total > 0)


def _limits(drawn: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the interval; NaN where nothing was drawn."""
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    columns = drawn.reshape(len(drawn), -1).T
    found = [
        np.quantile(defined, ends) if (defined := column[~np.isnan(column)]).size else (math.nan, math.nan)
        for column in columns
    ]
    low, high = np.array(found).T.reshape(2, *drawn.shape[1:])
    return low, high


def _mean(value: ArrayLike, low: ArrayLike, high: ArrayLike, voxels: NDArray[np.float64]) -> Mean:
    """Return a value with its interval, and how many patients have voxels for it."""
    there = int((voxels > 0).sum())
    return Mean(float(np.asarray(value)), float(np.asarray(low)), float(np.asarray(high)), there, there, 0)
