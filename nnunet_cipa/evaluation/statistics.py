"""Statistics of a cross-validation: means with intervals, folds, tests between models, strata."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations
from operator import add

import numpy as np

from nnunet_cipa.evaluation.intervals import Mean, bootstrap_mean
from nnunet_cipa.evaluation.metrics.by_slice import SliceMeasures
from nnunet_cipa.evaluation.metrics.catalogue import shown_metrics
from nnunet_cipa.evaluation.paired import Comparison, compare, holm
from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.evaluation.settings import Settings
from nnunet_cipa.evaluation.strata import Stratum, volume_strata


@dataclass(frozen=True)
class PairedTest:
    """A comparison of two models, its p value adjusted for all tests of the table."""

    metric: str
    first: str
    second: str
    comparison: Comparison
    holm: float


@dataclass(frozen=True)
class Statistics:
    """What is computed from scores.

    Attributes
    ----------
    means : dict
        (model, metric) -> mean over all cases, each in the fold in which it was held out.
    fold_means : dict
        (model, metric) -> the mean of each fold, which shows their spread and is not an interval.
    tests : list of PairedTest
        Each pair of models by each tested metric.
    strata : list of (Stratum, dict)
        Cases by true volume, and model -> mean Dice over them.
    slices : dict
        Model -> the CIPA paper's measures.
    settings : Settings
        How they were made.
    """

    means: dict[tuple[str, str], Mean]
    fold_means: dict[tuple[str, str], list[float]]
    tests: list[PairedTest]
    strata: list[tuple[Stratum, dict[str, Mean]]]
    slices: dict[str, SliceMeasures]
    settings: Settings = field(default_factory=Settings)


def compute_statistics(scores: Sequence[Score], settings: Settings | None = None) -> Statistics:
    """Compute means, intervals, tests and strata of the scores that ``score_folds`` gives."""
    settings = settings or Settings()
    models = {model: [score for score in scores if score.model == model] for model in _models(scores)}
    metrics = shown_metrics()
    return Statistics(
        means={(model, metric): _mean(mine, metric, settings) for model, mine in models.items() for metric in metrics},
        fold_means={(model, metric): _fold_means(mine, metric) for model, mine in models.items() for metric in metrics},
        tests=_tests(models, settings),
        strata=_strata(models, settings),
        slices={model: reduce(add, (score.slices for score in mine)) for model, mine in models.items()},
        settings=settings,
    )


def _models(scores: Iterable[Score]) -> list[str]:
    return list(dict.fromkeys(score.model for score in scores))


def values(scores: Iterable[Score], metric: str) -> list[float]:
    """Return a measure of each score."""
    return [float(score.measures[metric]) for score in scores]


def _mean(scores: Sequence[Score], metric: str, settings: Settings) -> Mean:
    return bootstrap_mean(
        values(scores, metric), [score.patient for score in scores], settings.resamples, settings.seed
    )  # fmt: skip


def _fold_means(scores: Sequence[Score], metric: str) -> list[float]:
    means = []
    for fold in sorted({score.fold for score in scores if score.fold is not None}):
        found = np.array(values([score for score in scores if score.fold == fold], metric))
        defined = found[~np.isnan(found)]
        means.append(float(defined.mean()) if defined.size else float("nan"))
    return means


def _tests(models: dict[str, list[Score]], settings: Settings) -> list[PairedTest]:
    found = [
        (metric, first, second, _compare(models[first], models[second], metric, settings))
        for metric in settings.tested
        for first, second in combinations(models, 2)
    ]
    adjusted = holm([comparison.p for *_, comparison in found])
    return [PairedTest(*one, p) for one, p in zip(found, adjusted, strict=True)]


def _compare(first: Sequence[Score], second: Sequence[Score], metric: str, settings: Settings) -> Comparison:
    order = {score.files.name: score for score in second}
    paired = [order[score.files.name] for score in first]
    return compare(
        values(first, metric), values(paired, metric), [score.patient for score in first], settings.resamples,
        settings.seed,
    )  # fmt: skip


def _strata(models: dict[str, list[Score]], settings: Settings) -> list[tuple[Stratum, dict[str, Mean]]]:
    some = next(iter(models.values()))
    strata = volume_strata({score.files.name: score.measures.truth_ml for score in some})
    return [
        (
            stratum,
            {
                model: _mean([score for score in scores if score.files.name in stratum.cases], "dice", settings)
                for model, scores in models.items()
            },
        )
        for stratum in strata
    ]
