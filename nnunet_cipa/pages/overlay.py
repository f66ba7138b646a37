"""Pictures of one slice of a case: CT and PET with truth and prediction, as outlines or coloured by agreement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nnunet_cipa.files.volumes import check_same_geometry, read_mask, read_volume
from nnunet_cipa.pages import palette

_OPACITY = 0.45
_FINE = 8


@dataclass(frozen=True)
class CaseSlice:
    """One slice of a case.

    Attributes
    ----------
    ct, pet : ndarray
        Planes (rows, columns).
    truth, prediction : ndarray of bool
        The same of the masks.
    pixel : tuple of float
        Height and width of a pixel in mm.
    index, count : int
        Which slice of how many, counted from 0.
    """

    ct: NDArray[Any]
    pet: NDArray[Any]
    truth: NDArray[np.bool_]
    prediction: NDArray[np.bool_]
    pixel: tuple[float, float]
    index: int
    count: int

    @property
    def marked(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a row, and a column, has pixels of either mask."""
        rows, columns = (np.logical_or.reduce(self.truth | self.prediction, axis=axis) for axis in (1, 0))
        return rows, columns

    def cut(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_], margin_mm: float) -> "CaseSlice":
        """Return it from the first to the last of some rows and columns, with a margin; all of it if there are none."""
        place = tuple(_around(shown, margin_mm / side) for shown, side in zip((rows, columns), self.pixel, strict=True))
        planes = (self.ct, self.pet, self.truth, self.prediction)
        ct, pet, truth, prediction = (plane[place] for plane in planes)
        return replace(self, ct=ct, pet=pet, truth=truth, prediction=prediction)


def _around(shown: NDArray[np.bool_], margin: float) -> slice:
    found = np.flatnonzero(shown)
    low, high = (int(found[0]), int(found[-1])) if found.size else (0, len(shown) - 1)
    return slice(max(0, low - round(margin)), high + round(margin) + 1)


@dataclass(frozen=True)
class Pen:
    """How a contour is drawn."""

    colour: str
    style: Literal["solid", "dashed"]
    label: str


_TRUTH = Pen(palette.TRUTH, "solid", "truth")
_PREDICTION = Pen(palette.PREDICTION, "dashed", "prediction")


def largest_slice(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> int:
    """Return the slice with the largest true tumour; of the prediction if there is none, else the middle slice."""
    for mask in (truth, prediction):
        areas = mask.sum(axis=(1, 2))
        if areas.any():
            return int(areas.argmax())
    return len(truth) // 2


def read_case_slice(ct: Path, pet: Path, truth: Path, prediction: Path, label: int | None = None) -> CaseSlice:
    """Read a case and return the slice with its largest tumour; for the label see ``read_mask``.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    return read_case_slices(ct, pet, truth, [prediction], label)[0]


def read_case_slices(
    ct: Path, pet: Path, truth: Path, predictions: Sequence[Path], label: int | None = None
) -> list[CaseSlice]:
    """Read a case and return the slice with its largest tumour, of all predictions if there is no true one.

    It is one slice, once with each prediction. For the label see ``read_mask``.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    true, images = read_mask(truth, label), (read_volume(ct), read_volume(pet))
    predicted = true.array
    if not predicted.any():
        predicted = np.logical_or.reduce([read_mask(path, label).array for path in predictions])
    index = largest_slice(true.array, predicted)
    ct_plane, pet_plane, plane = (volume.array[index] for volume in (*images, true))
    found = []
    for path in predictions:
        mask = read_mask(path, label)
        check_same_geometry(true, mask, *images)
        shown = mask.array[index].copy()  # or the whole mask would stay in memory
        found.append(CaseSlice(ct_plane, pet_plane, plane, shown, true.spacing[1:], index, len(true.array)))
    return found


def draw_outlines(shown: CaseSlice, title: str) -> Figure:
    """Draw CT, PET, the truth on the CT, and truth and prediction on the CT, side by side."""
    height = shown.ct.shape[0] * shown.pixel[0] / (shown.ct.shape[1] * shown.pixel[1])
    figure = Figure(figsize=(15, 3.7 * height + 1.05), layout="constrained")
    # a case may have two dollar signs in its name, which would be set as a formula
    figure.suptitle(title, fontsize=15, fontweight="bold", x=0.01, ha="left", parse_math=False)
    axes = figure.subplots(1, 4)
    names = ("CT", "PET", "truth on CT", "prediction on CT")
    for axis, name in zip(axes, names, strict=True):
        image, colours = (shown.pet, "gray_r") if name == "PET" else (shown.ct, "gray")
        axis.imshow(image, cmap=colours, aspect=shown.pixel[0] / shown.pixel[1], interpolation="nearest")
        # or the contours, whose grid goes beyond the image, would make the image smaller
        axis.autoscale(enable=False)
        axis.set_title(name, fontsize=14)
        axis.set_axis_off()
    _outline(axes[2], shown.truth, _TRUTH)
    _outline(axes[3], shown.truth, _TRUTH)
    _outline(axes[3], shown.prediction, _PREDICTION)
    handles = [
        Line2D([], [], color=pen.colour, linestyle=pen.style, linewidth=2.2, label=pen.label)
        for pen in (_TRUTH, _PREDICTION)
    ]
    figure.legend(handles=handles, loc="upper right", ncols=2, fontsize=13, frameon=False)
    return figure


def _outline(axis: Axes, mask: NDArray[np.bool_], pen: Pen) -> None:
    """Draw the outline along the edges of the pixels, not smoothed, so that nothing looks better than it is."""
    if not mask.any():
        return
    fine = np.kron(np.pad(mask, 1), np.ones((_FINE, _FINE)))
    rows, columns = ((np.arange(side) + 0.5) / _FINE - 1.5 for side in fine.shape)
    axis.contour(columns, rows, fine, levels=[0.5], colors=[pen.colour], linestyles=[pen.style], linewidths=1.8)


def grey(plane: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale a plane to 0 to 255; a few voxels of metal or of the bladder do not make all else one grey."""
    values = plane.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.8))
    scaled: NDArray[np.uint8] = (np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)
    return scaled


def paint(plane: NDArray[np.uint8], truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour a plane (rows, columns) by agreement; returns (rows, columns, 3)."""
    image = np.repeat(plane[..., None], 3, axis=2).astype(np.float32)
    for mask, colour in (
        (truth & prediction, palette.TRUE_POSITIVE),
        (prediction & ~truth, palette.FALSE_POSITIVE),
        (truth & ~prediction, palette.FALSE_NEGATIVE),
    ):
        image[mask] = (1 - _OPACITY) * image[mask] + _OPACITY * np.array(palette.rgb(colour))
    return image.round().astype(np.uint8)
