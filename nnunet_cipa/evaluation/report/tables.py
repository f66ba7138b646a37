"""The tables of a report."""

import math

from nnunet_cipa.evaluation.metrics.catalogue import AGREEMENT, LESIONS, VOLUME, Metric, shown_metrics
from nnunet_cipa.evaluation.report.content import Cost, ModelFacts, Report
from nnunet_cipa.evaluation.report.numbers import interval
from nnunet_cipa.pages.numbers import format_number, format_p
from nnunet_cipa.pages.tables import Table


def summary_tables(report: Report) -> list[Table]:
    """Return the means of all measures with their intervals, a table for each group of them."""
    settings = report.statistics.settings
    how = (
        f"Mean over all cases, {report.how}, and 95 % interval: BCa bootstrap of "
        f'{settings.resamples:,} resamples of patients, seed {settings.seed}. "without N": N cases are left out, as '
        "the measure is not defined for them."
    )
    rule = "One mask empty: overlaps 0, distances the image's diagonal; both: left out."
    volumes = (
        "Predicted less true volume. Excess: predicted volume outside the truth. Limits of agreement: in the chart."
    )
    lesions = (
        "Lesions are 18-connected; one common voxel is a hit. False positive and false negative volume as in autoPET: "
        "of lesions without any overlap."
    )
    notes = {AGREEMENT: f"{how} NSD at {report.tolerance_mm:g} mm. {rule}", VOLUME: volumes, LESIONS: lesions}
    groups = dict.fromkeys(metric.group for metric in shown_metrics().values())
    return [_means(report, group, notes.get(group, "")) for group in groups]


def _means(report: Report, group: str, note: str) -> Table:
    metrics = [metric for metric in shown_metrics().values() if metric.group == group]
    means = report.statistics.means
    rows = [
        (model, str(len(report.of(model))), *(interval(means[model, m.name], m.digits) for m in metrics))
        for model in report.titles
    ]
    return Table(group, ("model", "cases", *map(_head, metrics)), rows, note)


def _head(metric: Metric) -> str:
    arrow = {1: "\u00a0↑", -1: "\u00a0↓", 0: ""}[metric.better]
    return f"{metric.label}{arrow}"


def test_table(report: Report) -> Table:
    """Return the comparisons of all pairs of models."""
    metrics, rows = shown_metrics(), []
    for test in report.statistics.tests:
        metric, difference = metrics[test.metric], test.comparison.difference
        rows.append((
            metric.title, test.first, test.second, interval(difference, metric.digits), str(difference.patients),
            format_p(test.comparison.p), format_p(test.holm), format_number(test.comparison.effect, 2),
        ))  # fmt: skip
    return Table(
        "Tests between models",
        ("measure", "first", "second", "mean difference", "patients", "p", "p, Holm", "effect"),
        rows,
        "First less second on the same cases. p: two-sided Wilcoxon signed-rank test on patients; cases of one patient "
        f"are averaged first. Holm: adjusted for all {len(rows)} tests of this table. Effect: matched-pairs "
        "rank-biserial correlation, from -1 to 1. Intervals as above.",
    )


def fold_table(report: Report) -> Table:
    """Return the mean Dice of each fold."""
    folds = sorted({score.fold for score in report.scores if score.fold is not None})
    rows = []
    for model in report.titles:
        means = report.statistics.fold_means[model, "dice"]
        defined = [mean for mean in means if not math.isnan(mean)]
        spread = f"{min(defined):.3f} to {max(defined):.3f}" if defined else "n/a"
        rows.append((model, *map(format_number, means), spread))
    return Table(
        "Dice by fold", ("model", *(f"fold {fold}" for fold in folds), "lowest to highest"), rows,
        "How far the folds' means lie apart. No confidence interval: folds share most of their training cases.",
    )  # fmt: skip


def stratum_table(report: Report) -> Table:
    """Return the mean Dice by true volume and by the position of a slice."""
    strata, means = report.statistics.strata, report.statistics.means
    rows = [
        (model, *(interval(found[model]) for _, found in strata),
         *(interval(means[model, name]) for name in ("dice_ends", "dice_between")))
        for model in report.titles
    ]  # fmt: skip
    header = [f"{stratum.title}, cases: {len(stratum.cases)}" for stratum, _ in strata]
    return Table(
        "Dice by true volume and by position", ("model", *header, "first and last slices", "slices between"), rows,
        "Cases parted by the true tumour volume into groups of about equal number. Slices: those in which a lesion "
        "starts or ends, and the others of the lesions, of each case.",
    )  # fmt: skip


def paper_table(report: Report) -> Table:
    """Return the columns of the CIPA paper's tables; those of the cost where networks were counted."""
    costs = {model.title: model.cost for model in report.models}
    counted = any(cost.parameters for cost in costs.values())
    rows = [
        (model, str(found.slices), *(format_number(100 * value, 2) for value in (found.iou, found.f1, found.acc)),
         format_number(found.hd95_px, 2), *(_cost_cells(costs[model]) if counted else ()))
        for model, found in report.statistics.slices.items()
    ]  # fmt: skip
    return Table(
        "As the CIPA paper counts: pixels pooled over slices",
        ("model", "slices", "IoU, % ↑", "F1, % ↑", "Acc, % ↑", "HD95, pixels ↓",
         *(("GFLOPs", "parameters, M") if counted else ())),
        rows,
        "Pixels are summed over all slices of all cases before dividing, so large tumours weigh more. Acc is the mean "
        "of sensitivity and specificity. HD95 in pixels by slice, 0 where both masks are empty and the slice's "
        "diagonal where one is. For comparison with the paper's tables only.",
    )  # fmt: skip


def _cost_cells(cost: Cost) -> tuple[str, str]:
    """Return multiply-adds and parameters."""
    parameters = f"{cost.parameters / 1e6:.2f}" if cost.parameters else "n/a"
    return format_number(cost.of_a_slice / 1e9, 2), parameters


def cost_table(report: Report) -> Table:
    """Return parameters and multiply-adds beside accuracy."""
    means = report.statistics.means
    rows = [(
        model.title, *reversed(_cost_cells(model.cost)), " x ".join(map(str, model.cost.patch)) or "n/a",
        format_number(means[model.title, "dice"].value),
        format_number(100 * report.statistics.slices[model.title].iou, 2),
        *(model.training.get(name, "n/a") for name in ("epochs", "batch", "seed", "device")), _hours(model),
    ) for model in report.models]  # fmt: skip
    problems = [f"{model.title}: {model.cost.problem}." for model in report.models if model.cost.problem]
    note = (
        "Parameters of the network in the plans. GFLOPs are multiply-adds, as in the paper, of 512 x 512 pixels in one "
        "pass; for other patches in proportion. Training time is the sum of the epochs, mean over folds. "
    )
    return Table(
        "Cost beside accuracy",
        ("model", "parameters, M", "GFLOPs", "patch", "Dice", "IoU pooled, %", "epochs", "batch", "seed", "device",
         "hours"),
        rows, note + " ".join(problems),
    )  # fmt: skip


def _hours(model: ModelFacts) -> str:
    seconds = [curve.seconds for curve in model.curves.values() if curve.epochs]
    return f"{sum(seconds) / len(seconds) / 3600:.2g}" if seconds else "n/a"


def case_table(report: Report) -> Table:
    """Return every case of every model."""
    shown = shown_metrics()
    metrics = [shown[name] for name in ("dice", "hd95_mm", "nsd", "lesion_f1")]
    rows = [
        (
            score.files.name, score.patient, *((str(score.fold),) if report.cross_validated else ()), score.model,
            *(format_number(score.measures[metric.name], metric.digits) for metric in metrics),
            format_number(score.measures.truth_ml, 2), format_number(score.measures.predicted_ml, 2),
        )
        for score in report.scores
    ]  # fmt: skip
    return Table(
        "Every case",
        ("case", "patient", *(("fold",) if report.cross_validated else ()), "model", *map(_head, metrics), "true, ml",
         "predicted, ml"),
        rows, "All measures are in cases.csv.",
    )  # fmt: skip
