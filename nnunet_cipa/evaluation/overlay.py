"""Pictures of one slice: CT, PET, and the contours of truth and prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nnunet_cipa.evaluation.volumes import Volume, check_same_geometry, read_mask, read_volume
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.pages.palette import PREDICTION, TRUTH


@dataclass(frozen=True)
class Pen:
    """How a contour is drawn."""

    colour: str
    style: Literal["solid", "dashed"]
    label: str


_TRUTH = Pen(TRUTH, "solid", "truth")
_PREDICTION = Pen(PREDICTION, "dashed", "prediction")
_MARGIN_MM = 12.0
_FINE = 8


def largest_slice(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> int:
    """Return the slice with the largest true tumour; of the prediction if there is none, else the middle slice."""
    for mask in (truth, prediction):
        areas = mask.sum(axis=(1, 2))
        if areas.any():
            return int(areas.argmax())
    return len(truth) // 2


def draw_overlay(case: CaseFiles, out: Path) -> int:
    """Draw a case at its largest tumour and write the picture.

    Parameters
    ----------
    case : CaseFiles
        With a prediction.
    out : Path
        PNG file to write.

    Returns
    -------
    int
        The slice, counted from 0.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    assert case.prediction is not None  # noqa: S101 - for the type checker; find_cases was given predictions
    truth, prediction = read_mask(case.truth), read_mask(case.prediction)
    ct, pet = read_volume(case.ct), read_volume(case.pet)
    check_same_geometry(truth, prediction, ct, pet)
    index = largest_slice(truth.array, prediction.array)
    rows, columns = _shown(ct, index, truth.array[index] | prediction.array[index])
    planes = [volume.array[index, rows, columns] for volume in (ct, pet, truth, prediction)]
    figure = _figure(planes, truth.spacing[1:], f"{case.name}, slice {index + 1} of {len(truth.array)}")
    figure.savefig(out, dpi=110, facecolor="white")
    return index


def _shown(ct: Volume, index: int, marked: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold more than the air around the patient or a part of a mask, with a margin."""
    plane = ct.array[index]
    # well above the lowest value, so that the noise of the air does not count
    inside = plane > 0.75 * plane.min() + 0.25 * plane.max()
    parts = []
    for axis, spacing in ((1, ct.spacing[1]), (0, ct.spacing[2])):
        found = np.flatnonzero((inside.mean(axis=axis) > 0.05) | marked.any(axis=axis))
        margin = round(_MARGIN_MM / spacing)
        low, high = (found[0], found[-1]) if len(found) else (0, inside.shape[1 - axis] - 1)
        parts.append(slice(max(0, int(low) - margin), int(high) + margin + 1))
    return parts[0], parts[1]


def _figure(planes: Sequence[NDArray[np.generic]], pixel: tuple[float, ...], title: str) -> Figure:
    ct, pet, truth, prediction = planes
    height = ct.shape[0] * pixel[0] / (ct.shape[1] * pixel[1])
    figure = Figure(figsize=(15, 3.7 * height + 1.05), layout="constrained")
    # a case may have two dollar signs in its name, which would be set as a formula
    figure.suptitle(title, fontsize=15, fontweight="bold", x=0.01, ha="left", parse_math=False)
    axes = figure.subplots(1, 4)
    for axis, name, image, colours in zip(
        axes, ("CT", "PET", "truth on CT", "prediction on CT"), (ct, pet, ct, ct), ("gray", "gray_r", "gray", "gray"),
        strict=True,
    ):  # fmt: skip
        axis.imshow(image, cmap=colours, aspect=pixel[0] / pixel[1], interpolation="nearest")
        # or the contours, whose grid goes beyond the image, would make the image smaller
        axis.autoscale(enable=False)
        axis.set_title(name, fontsize=14)
        axis.set_axis_off()
    _outline(axes[2], truth, _TRUTH)
    _outline(axes[3], truth, _TRUTH)
    _outline(axes[3], prediction, _PREDICTION)
    handles = [
        Line2D([], [], color=pen.colour, linestyle=pen.style, linewidth=2.2, label=pen.label)
        for pen in (_TRUTH, _PREDICTION)
    ]
    figure.legend(handles=handles, loc="upper right", ncols=2, fontsize=13, frameon=False)
    return figure


def _outline(axis: Axes, mask: NDArray[np.generic], pen: Pen) -> None:
    """Draw the outline along the edges of the pixels, not smoothed, so that nothing looks better than it is."""
    if not mask.any():
        return
    fine = np.kron(np.pad(mask, 1), np.ones((_FINE, _FINE)))
    rows, columns = ((np.arange(side) + 0.5) / _FINE - 1.5 for side in fine.shape)
    axis.contour(columns, rows, fine, levels=[0.5], colors=[pen.colour], linestyles=[pen.style], linewidths=1.8)
