"""Statistics of the tumours in a converted data set: figures 2 and 3 of the CIPA paper, and a table."""

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnunet_cipa.dataset_conversion.pclt20k.check import CheckedSlices
from nnunet_cipa.pages.palette import BARS

COLUMNS = (
    "case", "list", "slice", "name", "columns", "rows", "area", "components",
    "centre_column", "centre_row", "box_column", "box_row", "width", "height",
)  # fmt: skip
TABLE = "slices.csv"
FIGURE_2 = "slices_and_areas.png"
FIGURE_3 = "centres_and_boxes.png"


def write_statistics(folder: Path, patients: Sequence[CheckedSlices]) -> None:
    """Write a table with a row for each slice and two figures to an existing folder.

    ``slices.csv`` gives, in pixels, the tumour's area, its centre of mass and its bounding box, and the number of its
    parts; ``slices_and_areas.png`` and ``centres_and_boxes.png`` are figures 2 and 3 of the CIPA paper for this data.
    The whole mask of a slice counts as one tumour, whatever the number of its parts.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
        staging = Path(temporary)
        with (staging / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for patient in patients:
                writer.writerows(_rows(patient))
        _slices_and_areas(patients).savefig(staging / FIGURE_2, dpi=150)
        _centres_and_boxes(patients).savefig(staging / FIGURE_3, dpi=150)
        for path in staging.iterdir():
            path.replace(folder / path.name)


def _rows(checked: CheckedSlices) -> list[tuple[object, ...]]:
    return [
        (
            checked.patient.patient,
            checked.patient.part,
            index,
            fact.name,
            *fact.size,
            fact.area,
            fact.components,
            *fact.centre,
            *fact.box,
        )
        for index, fact in enumerate(checked.facts)
    ]


def _slices_and_areas(patients: Sequence[CheckedSlices]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = [len(checked.facts) for checked in patients]
    bins = np.histogram_bin_edges(counts, bins=min(30, max(5, max(counts) - min(counts) + 1)))
    left.hist(counts, bins=bins.tolist(), color=BARS, edgecolor="white", linewidth=0.6)
    _label(left, f"{len(counts)} patients, median {np.median(counts):g} slices", "slices per patient", "patients")
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    areas = np.asarray([fact.area for checked in patients for fact in checked.facts])
    edges = np.geomspace(max(1, areas.min()), max(2, areas.max() + 1), 31)
    right.hist(areas, bins=edges.tolist(), color=BARS, edgecolor="white", linewidth=0.6)
    right.set_xscale("log")
    _label(right, f"{len(areas)} slices, median {np.median(areas):g} pixels", "tumour area a slice (pixels)", "slices")
    return figure


def _centres_and_boxes(patients: Sequence[CheckedSlices]) -> Figure:
    facts = [fact for checked in patients for fact in checked.facts]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    columns, rows = np.transpose([np.divide(np.add(fact.centre, 0.5), fact.size) for fact in facts])
    drawn = left.hist2d(columns, rows, bins=48, range=((0, 1), (0, 1)), cmap="magma", cmin=1)
    figure.colorbar(drawn[3], ax=left, label="slices")
    left.set_facecolor("black")
    left.invert_yaxis()
    left.set_aspect("equal")
    _label(left, "tumour centres", "column / image width", "row / image height")
    widths, heights = np.transpose([fact.box[2:] for fact in facts])
    limit = float(max(widths.max(), heights.max())) + 1
    drawn = right.hist2d(
        widths, heights, bins=40, range=((0, limit), (0, limit)), cmap="viridis", norm=LogNorm(), cmin=1
    )
    figure.colorbar(drawn[3], ax=right, label="slices")
    right.set_aspect("equal")
    _label(
        right,
        f"bounding boxes, median {np.median(widths):g} x {np.median(heights):g}",
        "width (pixels)",
        "height (pixels)",
    )
    return figure


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
