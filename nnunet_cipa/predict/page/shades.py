"""Grey values and outlines of a predicted patient's pictures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.pages import palette
from nnunet_cipa.pages.images import Outline
from nnunet_cipa.predict.predicted import Predicted

# A lung window, in which soft tissue can be told apart too; and SUV from white to black.
HU_SHOWN, SUV_SHOWN = (-1350.0, 250.0), (0.0, 7.0)


def shade_ct(hu: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the grey values of HU."""
    return _shade(hu, HU_SHOWN)


def shade_pet(suv: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the grey values of SUV: dark is high."""
    return 255 - _shade(suv, SUV_SHOWN)


def label_colours(predicted: Predicted) -> dict[str, str]:
    """Return the colour of each label, as in the structure set."""
    return {label: palette.REGIONS[index % len(palette.REGIONS)] for index, label in enumerate(predicted.labels)}


def outlines(predicted: Predicted, plane: NDArray[np.generic]) -> Iterator[Outline]:
    """Outline each label in a plane of the mask."""
    for label, colour in label_colours(predicted).items():
        yield Outline(np.isin(plane, predicted.labels[label]), colour)


def _shade(values: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = limits
    shaded: NDArray[np.uint8] = ((np.clip(values.astype(np.float32), low, high) - low) / (high - low) * 255).astype(
        np.uint8
    )
    return shaded
