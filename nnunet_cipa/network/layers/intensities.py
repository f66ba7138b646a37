"""Intensities of the input: stored such that zero is the lowest, and checked in prediction."""

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

# A resampled image swings over edges, by a fifth of a step with cubic splines; a quarter of the range is not that.
MARGIN = 0.25


class Intensities(nn.Module):
    """Offset and range of the input's two channels.

    Parameters
    ----------
    modalities : sequence of str
        Order of the input's channels.
    offset : sequence of float
        What is added to each channel. The converters store intensities whose lowest value is zero, as whatever pads or
        rotates an image, nnU-Net's loader, augmentation and sliding window among them, puts zeros round it.
    intensity_range : None or sequence of (float, float)
        Lowest and highest value of each channel as it is stored, if that is known.

    Raises
    ------
    ValueError
        If there are not as many values as modalities.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        offset: Sequence[float],
        intensity_range: Sequence[Sequence[float]] | None,
    ) -> None:
        super().__init__()
        if len(offset) != len(modalities):
            raise ValueError(f"offset is {offset}; give one number for each of {', '.join(modalities)}")
        if intensity_range is not None and [len(pair) for pair in intensity_range] != [2] * len(modalities):
            raise ValueError(
                f"intensity_range is {intensity_range}; give (lowest, highest) for {', '.join(modalities)}"
            )
        self.modalities = tuple(modalities)
        self.offset = tuple(float(value) for value in offset)
        self.ranges = intensity_range or [(-math.inf, math.inf)] * len(modalities)
        self.is_checked = True
        self._has_warned = False

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Take windows (B, 2 * S, H, W) apart into the modalities, each (B, S, H, W) and with its offset."""
        images = x.chunk(len(self.modalities), dim=1)
        return {
            name: image + offset if offset else image
            for name, image, offset in zip(self.modalities, images, self.offset, strict=True)
        }

    def check(self, x: Tensor) -> None:
        """Look at the values of an input before a prediction; a compiled or exported network does not.

        Values far outside of ``intensity_range`` are warned of once. ``is_checked`` switches it off.

        Raises
        ------
        ValueError
            If a value is not finite: one empties a whole tile.
        """
        if torch.compiler.is_compiling() or x.is_meta or not self.is_checked:
            return
        channels = x.chunk(len(self.modalities), dim=1)
        for name, channel, expected in zip(self.modalities, channels, self.ranges, strict=True):
            lowest, highest = (value.item() for value in torch.aminmax(channel))
            if not (math.isfinite(lowest) and math.isfinite(highest)):
                raise ValueError(
                    f"the {name} of this case has values that are not finite (nnUNetv2_predict names it above, after "
                    "'Predicting'); put numbers in their place in the image, or convert the case again"
                )
            margin = MARGIN * (expected[1] - expected[0])
            if not expected[0] - margin <= lowest <= highest <= expected[1] + margin and not self._has_warned:
                self._has_warned = True
                warnings.warn(
                    f"the {name} has values from {lowest:.5g} to {highest:.5g}, and the network was trained on "
                    f"{expected[0]:.5g} to {expected[1]:.5g}; bring HU and SUV to the training's intensities first, "
                    "which dataset.json of the model tells, or the prediction is not to be trusted",
                    stacklevel=4,
                )
