"""The figures of the evidence: rows with their intervals, and the curves of the trainings."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from nnunet_cipa.evaluation import Mean
from nnunet_cipa.evaluation.report.svg import chart_style
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.pages.palette import SERIES
from tests.measurements.evidence.records import Run
from tests.measurements.evidence.rows import ROWS
from tests.measurements.evidence.tables import Runs, over_patients, seed_means

_COLUMNS = 3


def draw_rows(runs: Runs, ignoring_motion: Mean, out: Path) -> None:
    """Draw the mean Dice of each row with its interval over patients, each seed, and what the GTV itself scores."""
    with mpl.rc_context(chart_style("evidence")):
        figure = Figure(figsize=(9, 1.4 + 0.38 * len(runs)), layout="constrained")
        axis = figure.subplots()
        axis.axvline(ignoring_motion.value, color="0.5", linestyle="--", linewidth=1, label="the GTV itself")
        for place, (row, found) in enumerate(runs.items()):
            mean, colour = over_patients(found), _colour(row)
            axis.plot([mean.low, mean.high], [place, place], color=colour, linewidth=2)
            axis.plot(mean.value, place, "o", color=colour, markersize=7)
            seeds = list(seed_means(found).values())
            axis.plot(seeds, [place + 0.22] * len(seeds), "|", color=colour, markersize=7)
        axis.set_yticks(range(len(runs)), [ROWS[row].title for row in runs])
        axis.set_ylim(len(runs) - 0.4, -0.6)
        axis.set_xlabel("Dice: mean and 95 % over patients; ticks are seeds")
        axis.grid(axis="x", alpha=0.25)
        figure.legend(loc="outside upper right", fontsize=9)  # beside all intervals, wherever they lie
        _save(figure, out)


def draw_curves(runs: Runs, out: Path) -> None:
    """Draw the Dice on random patches of held-out patients by iteration: a thin line each seed, and their mean."""
    with mpl.rc_context(chart_style("curves")):
        lines = math.ceil(len(runs) / _COLUMNS)
        figure = Figure(figsize=(4 * _COLUMNS, 2.4 * lines), layout="constrained")
        axes = figure.subplots(lines, _COLUMNS, squeeze=False, sharex=True, sharey=True)
        for axis in axes.flat[len(runs) :]:
            axis.set_visible(False)
        for axis, (row, found) in zip(axes.flat, runs.items(), strict=False):
            colour = _colour(row)
            for run in found:
                axis.plot(*_points(run), color=colour, linewidth=0.8, alpha=0.5)
            axis.plot(*_mean_points(found), color=colour, linewidth=2)
            axis.set_title(ROWS[row].whole_title, fontsize=10)
            axis.tick_params(labelbottom=True)
            axis.grid(alpha=0.25)
        figure.supxlabel("iterations", fontsize=11)
        figure.supylabel("Dice on random patches of held-out patients", fontsize=11)
        _save(figure, out)


def _points(run: Run) -> tuple[list[int], list[float]]:
    shown = [(iteration, value) for iteration, value in run.curve if value is not None]
    return [iteration for iteration, _ in shown], [value for _, value in shown]


def _mean_points(runs: Sequence[Run]) -> tuple[list[int], list[float]]:
    by_iteration: dict[int, list[float]] = {}
    for run in runs:
        for iteration, value in zip(*_points(run), strict=True):
            by_iteration.setdefault(iteration, []).append(value)
    return list(by_iteration), [math.fsum(values) / len(values) for values in by_iteration.values()]


def _colour(row: str) -> str:
    """Return the colour of a row's kind: from GTV, nnU-Net's own, or ours from initial weights."""
    if ROWS[row].transferred:
        return SERIES[1]
    return SERIES[2] if row.startswith("nnunet-") else SERIES[0]


def _save(figure: Figure, out: Path) -> None:
    with replacing(out) as file:
        figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
