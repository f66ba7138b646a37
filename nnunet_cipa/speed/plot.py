"""The figure of how cost grows."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.pages.palette import SERIES
from nnunet_cipa.speed.growth import AXES, Line, growth
from nnunet_cipa.speed.reading import read_report

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
# Solid is the pass that comes first in a table.
_STROKES = {"forward": "-", "prediction": "-", "forward and backward": "--", "training step": "--"}
_PANEL = (4.4, 3.1)  # inches


def plot(files: Sequence[Path], out: Path) -> None:
    """Draw time and memory against each size that was measured at two values or more, all else equal.

    Parameters
    ----------
    files : sequence of Path
        Of ``BenchReport.write``.
    out : Path
        The figure; its suffix says whether it is SVG, PNG or PDF. It appears when it is whole.

    Raises
    ------
    CIPAError
        If a file is not such a report, or no size was measured at two values.
    """
    panels = growth([read_report(path) for path in files])
    if not panels:
        sizes = ", ".join(dict.fromkeys(axis for axes in AXES.values() for axis in axes))
        raise CIPAError(
            f"{', '.join(map(str, files))}: nothing was measured at two values of {sizes} with all else equal; "
            "give 'bench' more values of a size, as in --length 1024 4096"
        )
    with mpl.rc_context(_STYLE):
        legend = 0.2 * (1 + max(len(lines) for lines in panels.values()))
        figure = Figure((_PANEL[0] * len(panels), 2 * _PANEL[1] + legend), layout="constrained")
        axes = figure.subplots(3, len(panels), squeeze=False, height_ratios=(_PANEL[1], _PANEL[1], legend))
        for (upper, lower, key), ((subject, axis), lines) in zip(axes.T, panels.items(), strict=True):
            _draw_panel(upper, lower, lines)
            _name_ticks(upper, lower, axis, sorted({point.x for line in lines for point in line.points}))
            upper.set_title(textwrap.fill(f"{subject}: {_common(lines)}", 48), fontsize=9)
            lower.set_xlabel(AXES[subject][axis])
            key.axis("off")
            key.legend(*upper.get_legend_handles_labels(), loc="upper center", fontsize=8, handlelength=3)
        axes[0, 0].set_ylabel("seconds")
        axes[1, 0].set_ylabel("peak memory, MiB")
        with replacing(out) as file:
            kind = out.suffix[1:]
            fixed = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
            figure.savefig(file, format=kind, dpi=110, facecolor="white", metadata=fixed)


def _draw_panel(upper: Axes, lower: Axes, lines: Sequence[Line]) -> None:
    names = list(dict.fromkeys((line.name, *_apart(line, lines)) for line in lines))
    for line in lines:
        colour = SERIES[names.index((line.name, *_apart(line, lines))) % len(SERIES)]
        style: dict[str, Any] = {
            "color": colour,
            "linestyle": _STROKES.get(line.kind, ":"),
            "marker": "o",
            "markersize": 3.5,
        }
        label = ", ".join((line.name, *_apart(line, lines), line.kind))
        x = [point.x for point in line.points]
        upper.plot(x, [point.seconds for point in line.points], label=label, **style)
        upper.fill_between(
            x, [p.fastest for p in line.points], [p.slowest for p in line.points], color=colour, alpha=0.2
        )
        known = [
            (point.x, point.peak_bytes / 2**20) for point in line.points if point.peak_bytes and point.peak_bytes > 0
        ]
        if known:
            lower.plot(*zip(*known, strict=True), **style)
    _draw_proportional(upper, lines)


def _name_ticks(upper: Axes, lower: Axes, axis: str, ticks: Sequence[int]) -> None:
    names = [_side(tick) if axis == "pixels" else f"{tick:,}" for tick in ticks]
    for axes in (upper, lower):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(ticks, names, rotation=30 if max(map(len, names)) > 4 else 0)
        axes.xaxis.set_minor_locator(NullLocator())
        decades = np.ptp(np.log10(axes.get_ylim()))
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if decades > 2.5 else (1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.25)


def _side(pixels: int) -> str:
    side = math.isqrt(pixels)
    return f"{side} x {side}" if side * side == pixels else f"{pixels:,}"


def _draw_proportional(axes: Axes, lines: Sequence[Line]) -> None:
    """Draw what is proportional to x, from the start of the slowest line."""
    start = max((line.points[0] for line in lines), key=lambda point: point.seconds)
    end = max(line.points[-1].x for line in lines)
    axes.plot(
        [start.x, end], [start.seconds, start.seconds * end / start.x], ":", color="0.5", linewidth=1,
        label="proportional",
    )  # fmt: skip


def _common(lines: Sequence[Line]) -> str:
    return ", ".join(
        value for name, value in lines[0].settings.items()
        if name != "versions" and all(line.settings.get(name) == value for line in lines)
    )  # fmt: skip


def _apart(line: Line, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the settings of a line that not all lines share."""
    shared: Mapping[str, bool] = {
        name: all(other.settings.get(name) == value for other in lines) for name, value in line.settings.items()
    }
    return tuple(value for name, value in line.settings.items() if not shared[name])
