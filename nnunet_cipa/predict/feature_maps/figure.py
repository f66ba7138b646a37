"""The figure of one stage: CT, PET and the maps of DCIM side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

DPI = 110
_PANEL = 3.0


@dataclass(frozen=True)
class Shown:
    """A slice as the network sees it: CT and PET (rows, columns), and height and width of a pixel in mm."""

    ct: NDArray[Any]
    pet: NDArray[Any]
    pixel: tuple[float, float]


def draw_stage(shown: Shown, maps: Mapping[str, NDArray[Any]], title: str) -> Figure:
    """Draw CT, PET and each map (rows, columns) under its name, with the scale of its values."""
    aspect = shown.pixel[0] / shown.pixel[1]
    height = _PANEL * shown.ct.shape[0] / shown.ct.shape[1] * aspect
    panels = 2 + len(maps)
    figure = Figure(figsize=(panels * _PANEL, height + 1.2), layout="constrained")
    figure.suptitle(title, fontsize=13, x=0.01, ha="left", parse_math=False)
    pictures = [("CT", shown.ct, "gray"), ("PET", shown.pet, "gray_r")]
    pictures += [(name, values, "viridis") for name, values in maps.items()]
    for axis, (name, values, colours) in zip(figure.subplots(1, panels), pictures, strict=True):
        drawn = axis.imshow(values, cmap=colours, aspect=aspect, interpolation="nearest")
        axis.set_title(name, fontsize=12)
        axis.set_axis_off()
        bar = figure.colorbar(drawn, ax=axis, orientation="horizontal", fraction=0.05, pad=0.02)
        bar.ax.tick_params(labelsize=9)
        bar.ax.locator_params(nbins=4)
    return figure
