"""Charts of scores and trainings."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnunet_cipa.evaluation.metrics.catalogue import shown_metrics
from nnunet_cipa.evaluation.report.content import ModelFacts, Report
from nnunet_cipa.evaluation.report.svg import as_svg, chart_style
from nnunet_cipa.evaluation.statistics import values
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.palette import SERIES, TEXT


def box_plots(report: Report) -> str:
    """Draw the tested measures by model: quartiles, whiskers to 1.5 times their range, and each case."""
    shown = shown_metrics()
    metrics = [shown[name] for name in report.statistics.settings.tested]
    with mpl.rc_context(chart_style("boxes")):
        height = 1.3 + 0.48 * len(report.titles)
        figure = Figure(figsize=(3.9 * len(metrics), height), layout="constrained")
        for axis, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
            for row, title in enumerate(report.titles):
                _box(axis, row, values(report.of(title), metric.name))
            axis.set_yticks(range(len(report.titles)), report.titles if axis.get_subplotspec().is_first_col() else [])
            axis.set_ylim(len(report.titles) - 0.4, -0.6)
            axis.set_title(metric.label)
            axis.grid(axis="x", alpha=0.25)
        return as_svg(figure, "Box plots of the measures by model")


def _box(axis: Axes, row: int, scores: Sequence[float]) -> None:
    defined = np.array([score for score in scores if not math.isnan(score)])
    colour = SERIES[row % len(SERIES)]
    axis.boxplot(
        [defined], positions=[row], orientation="horizontal", widths=0.5, showfliers=False, manage_ticks=False,
        boxprops={"color": colour, "linewidth": 1.5}, whiskerprops={"color": colour}, capprops={"color": colour},
        medianprops={"color": colour, "linewidth": 2.5},
    )  # fmt: skip
    # in steps of the number, not at random, so that a report is the same each time
    offsets = 0.3 * np.sin(np.arange(len(defined)) * 2.4)
    axis.plot(defined, row + offsets, "o", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)


def bland_altman(report: Report) -> str:
    """Draw predicted less true volume by their mean, with the mean difference and the limits of agreement."""
    with mpl.rc_context(chart_style("volumes")):
        columns = min(3, len(report.titles))
        rows = math.ceil(len(report.titles) / columns)
        figure = Figure(figsize=(4 * columns, 3.2 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for index, axis in enumerate(axes.flat):
            if index >= len(report.titles):
                axis.set_visible(False)
                continue
            _bland_altman(axis, report, index)
            axis.set_title(report.titles[index])
            axis.tick_params(labelbottom=True, labelleft=index % columns == 0)
        figure.supxlabel("mean of true and predicted volume, ml", fontsize=11)
        figure.supylabel("predicted less true, ml", fontsize=11)
        return as_svg(figure, "Predicted less true volume by their mean")


def limits_of_agreement(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean difference and the limits of agreement, 1.96 standard deviations below and above it.

    Notes
    -----
    Source: Bland and Altman, Statistical methods for assessing agreement, Lancet 327 (1986).
    """
    mean = float(np.mean(differences))
    spread = 1.96 * float(np.std(differences, ddof=1)) if len(differences) > 1 else math.nan
    return mean, mean - spread, mean + spread


def _bland_altman(axis: Axes, report: Report, index: int) -> None:
    scores = report.of(report.titles[index])
    true, predicted = (np.array(values(scores, name)) for name in ("truth_ml", "predicted_ml"))
    mean, low, high = limits_of_agreement(list(predicted - true))
    axis.plot((true + predicted) / 2, predicted - true, "o", color=SERIES[index % len(SERIES)], markersize=4, alpha=0.7)
    for value, style in ((mean, "-"), (low, "--"), (high, "--")):
        if math.isfinite(value):
            axis.axhline(value, color=TEXT, linestyle=style, linewidth=1)
            axis.annotate(
                format_number(value, 1),
                (1, value),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=9,
            )
    axis.grid(alpha=0.25)


def training_curves(models: Sequence[ModelFacts]) -> str:
    """Draw losses and pseudo Dice by epoch: a thin line a fold; nothing if no model has a curve."""
    shown = [model for model in models if any(curve.epochs for curve in model.curves.values())]
    if not shown:
        return ""
    with mpl.rc_context(chart_style("curves")):
        figure = Figure(figsize=(11.7, 2.5 * len(shown)), layout="constrained")
        axes = figure.subplots(len(shown), 3, squeeze=False)
        for index, (row, model) in enumerate(zip(axes, shown, strict=True)):
            colour = SERIES[[other.title for other in models].index(model.title) % len(SERIES)]
            for axis, name in zip(row, ("train_loss", "val_loss", "pseudo_dice"), strict=True):
                for curve in (curve for curve in model.curves.values() if curve.epochs):
                    points = [(epoch.number, getattr(epoch, name)) for epoch in curve.epochs]
                    # a line of one point is not seen
                    marker = "o" if len(points) == 1 else None
                    axis.plot(*zip(*points, strict=True), marker=marker, color=colour, linewidth=1, alpha=0.8)
                axis.grid(alpha=0.25)
                axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
                if index == 0:
                    axis.set_title(
                        {"train_loss": "training loss", "val_loss": "validation loss"}.get(name, "pseudo Dice")
                    )
                if index == len(shown) - 1:
                    axis.set_xlabel("epoch")
            row[0].set_ylabel(model.title, fontsize=10)
        return as_svg(figure, "Training curves by model and fold")
