"""The table and the chart of how well probabilities are calibrated."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from nnunet_cipa.evaluation.calibration.model import ModelCalibration
from nnunet_cipa.evaluation.calibration.near import MARGIN_MM
from nnunet_cipa.evaluation.calibration.reliability import BINS, Reliability
from nnunet_cipa.evaluation.report.content import ModelFacts, Report
from nnunet_cipa.evaluation.report.numbers import interval
from nnunet_cipa.evaluation.report.svg import as_svg, chart_style
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.palette import SERIES, TEXT
from nnunet_cipa.pages.tables import Table


def calibration_table(report: Report) -> Table:
    """Return temperature and expected calibration error of each model; n/a where probabilities were not saved."""
    note = (
        f"ECE: expected calibration error of the tumour's probability in {BINS} bins; intervals are percentiles over "
        f"resampled patients. Near: within {MARGIN_MM:g} mm of true or predicted tumour. Scaled: each fold at the "
        "temperature of the other folds, fitted to all their voxels; in brackets the lowest and highest."
    )
    if any(model.calibration is None for model in report.models):
        note += (
            " n/a: not every validation case has its probabilities. 'nnunet-cipa benchmark run --probabilities' saves "
            "them, or nnUNetv2_train with --npz, for a trained fold with --val --npz."
        )
    return Table(
        "Calibration",
        (
            "model",
            "cases",
            "temperature",
            "ECE near ↓",
            "near, scaled ↓",
            "ECE of whole images ↓",
            "whole, scaled ↓",
        ),
        [(model.title, *_cells(model.calibration)) for model in report.models],
        note,
    )


def _cells(found: ModelCalibration | None) -> tuple[str, ...]:
    if found is None:
        return ("n/a",) * 6
    others = found.fold_temperatures.values()
    spread = f" [{format_number(min(others), 2)},\u00a0{format_number(max(others), 2)}]" if others else ""
    return (
        str(found.cases), format_number(found.temperature, 2) + spread,
        _error(found.near, 3), _error(found.near_scaled, 3), _error(found.whole, 5), _error(found.whole_scaled, 5),
    )  # fmt: skip


def _error(found: Reliability | None, digits: int) -> str:
    return "n/a" if found is None else interval(found.ece, digits)


def reliability_chart(models: Sequence[ModelFacts]) -> str:
    """Draw the share of tumour by probability, and how many voxels; nothing if no model has probabilities."""
    shown = [(index, model) for index, model in enumerate(models) if model.calibration is not None]
    if not shown:
        return ""
    with mpl.rc_context(chart_style("reliability")):
        columns = min(3, len(shown))
        rows = math.ceil(len(shown) / columns)
        figure = Figure(figsize=(4 * columns, 4.4 * rows), layout="constrained")
        axes = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[3.3, 1] * rows)
        for axis in axes.flat:
            axis.set_visible(False)
        for place, (index, model) in enumerate(shown):
            row, column = divmod(place, columns)
            assert model.calibration is not None  # noqa: S101 - for the type checker
            _draw(axes[2 * row, column], model.calibration, SERIES[index % len(SERIES)])
            _count(axes[2 * row + 1, column], model.calibration.near, SERIES[index % len(SERIES)])
            axes[2 * row, column].set_title(model.title)
        figure.supxlabel("probability of tumour", fontsize=11)
        return as_svg(figure, "Share of tumour by probability")


def _draw(axis: Axes, found: ModelCalibration, colour: str) -> None:
    axis.set_visible(True)
    axis.plot((0, 1), (0, 1), linestyle="--", color=TEXT, linewidth=1)
    for reliability, fill in ((found.near, colour), (found.near_scaled, "none")):
        bins = [] if reliability is None else [one for one in reliability.bins if one.voxels]
        centres, shares = [one.probability for one in bins], [one.share.value for one in bins]
        ends = np.array([(one.share.low, one.share.high) for one in bins]).reshape(-1, 2)
        axis.vlines(centres, ends[:, 0], ends[:, 1], color=colour, linewidth=1, alpha=0.7)
        axis.plot(
            centres, shares, "o-", color=colour, markerfacecolor=fill, markersize=5,
            linewidth=1, alpha=1 if fill == colour else 0.8, clip_on=False,
        )  # fmt: skip
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_ylabel("share of tumour")
    axis.tick_params(labelbottom=False)
    axis.grid(alpha=0.25)


def _count(axis: Axes, found: Reliability, colour: str) -> None:
    axis.set_visible(True)
    axis.bar(
        [one.low for one in found.bins], [one.voxels for one in found.bins], 1 / BINS, align="edge", color=colour,
        alpha=0.6,
    )  # fmt: skip
    axis.set_xlim(0, 1)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_ylabel("voxels")
