"""Paired tests between two models on the same cases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, wilcoxon

from nnunet_cipa.evaluation.intervals import Mean, bootstrap_mean
from nnunet_cipa.evaluation.settings import Settings


@dataclass(frozen=True)
class Comparison:
    """Two models compared by a measure, first less second.

    Attributes
    ----------
    difference : Mean
        Mean difference over the cases that have the measure for both, with its bootstrap interval.
    p : float
        Two-sided Wilcoxon signed-rank test on the mean differences of the patients.
    effect : float
        Matched-pairs rank-biserial correlation, -1 to 1: the part of the ranks' sum that is above 0 less the part
        below.
    """

    difference: Mean
    p: float
    effect: float


def compare(
    first: Sequence[float],
    second: Sequence[float],
    patients: Sequence[str],
    resamples: int = Settings.resamples,
    seed: int = Settings.seed,
) -> Comparison:
    """Compare two models case by case.

    Parameters
    ----------
    first, second : sequence of float
        What each scored on the same cases; a pair with NaN is left out.
    patients : sequence of str
        Of the cases. Cases of one patient are averaged before the test, as they are not independent.
    resamples, seed : int
        Of the bootstrap.

    Notes
    -----
    Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945); differences of zero are left out,
    as there. Effect: Kerby, The simple difference formula, Comprehensive Psychology 3 (2014). If all differences are
    zero, p is 1 and the effect 0.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    by_patient = _patient_means(differences, patients)
    return Comparison(
        bootstrap_mean(list(differences), patients, resamples, seed), _wilcoxon(by_patient), rank_biserial(by_patient)
    )


def _patient_means(values: NDArray[np.float64], patients: Sequence[str]) -> NDArray[np.float64]:
    groups: dict[str, list[float]] = {}
    for value, patient in zip(values, patients, strict=True):
        if not math.isnan(value):
            groups.setdefault(patient, []).append(float(value))
    means = np.array([math.fsum(group) / len(group) for group in groups.values()])
    # rounding must not make ranks of what is no difference
    return np.where(np.abs(means) < 1e-12, 0.0, means)


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    if not differences.size:
        return math.nan
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def rank_biserial(differences: NDArray[np.float64]) -> float:
    """Return the matched-pairs rank-biserial correlation of paired differences, NaN if there are none."""
    if not differences.size:
        return math.nan
    there = differences[differences != 0]
    ranks = rankdata(np.abs(there))
    return float((ranks * np.sign(there)).sum() / ranks.sum()) if there.size else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number by Holm's method; NaN stays NaN and does not count.

    Notes
    -----
    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [math.nan] * len(p_values)
    order = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    highest = 0.0
    for rank, (p, index) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[index] = highest
    return adjusted
