"""Shows what nnU-Net's predictor averages one by one: folds, or mirrored passes of each."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from numpy.typing import NDArray
from torch import nn

Observer = Callable[[str, torch.Tensor], None]


class MemberPredictor(nnUNetPredictor):
    """nnU-Net's predictor, which shows each fold's logits, or each mirrored pass's, before they are averaged.

    What it returns is nnU-Net's own, bit for bit. Folds cost nothing beyond it. Mirrored passes are computed once more,
    one at a time: nnU-Net adds them up tile by tile, and the rounding of that sum is in its result.
    """

    network: nn.Module
    _observe: Observer | None = None
    _folds: tuple[str, ...] = ()
    _flips = False
    _at = 0

    def watch(self, folds: Sequence[str], observe: Observer, *, flips: bool = False) -> None:
        """Show members from now on.

        Parameters
        ----------
        folds : sequence of str
            Names of the folds whose weights are loaded, in their order.
        observe : callable
            Takes the name of a member and its logits, which it must not change.
        flips : bool
            Show each mirrored pass instead, where the model was trained with mirroring and it is not switched off.
        """
        self._folds, self._observe, self._flips = tuple(folds), observe, flips

    def predict_logits_from_preprocessed_data(self, data: torch.Tensor) -> torch.Tensor:
        """Predict as nnU-Net does, the folds counted from the first."""
        self._at = 0
        return super().predict_logits_from_preprocessed_data(data)

    def predict_sliding_window_return_logits(self, input_image: torch.Tensor) -> torch.Tensor:
        """Predict with the weights that are loaded, and show what came out."""
        logits = super().predict_sliding_window_return_logits(input_image)
        if self._observe is not None:
            fold = self._folds[self._at]
            self._at += 1
            if self._flips and self.use_mirroring and self.allowed_mirroring_axes:
                self._show_flips(fold, self._observe, input_image)
            else:
                self._observe(fold, logits)
        return logits

    def _show_flips(self, fold: str, observe: Observer, image: torch.Tensor) -> None:
        axes = tuple(self.allowed_mirroring_axes)
        names = "zyx"[-len(self.configuration_manager.patch_size) :]
        network, self.use_mirroring = self.network, False
        try:
            for count in range(len(axes) + 1):
                for flipped in itertools.combinations(axes, count):
                    self.network = _Flipped(network, flipped)
                    along = " and ".join(names[axis] for axis in flipped)
                    name = f"{fold}, flipped along {along}" if along else f"{fold}, not flipped"
                    observe(name, super().predict_sliding_window_return_logits(image))
        finally:
            self.network, self.use_mirroring = network, True


class _Flipped(nn.Module):
    """A network that sees a tile flipped along some of its axes, and whose result is flipped back."""

    def __init__(self, network: nn.Module, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self._axes = [axis + 2 for axis in axes]

    def forward(self, tile: torch.Tensor) -> torch.Tensor:
        return torch.flip(self.network(torch.flip(tile, self._axes)), self._axes)


def tumour_probability(
    predictor: nnUNetPredictor, logits: torch.Tensor, properties: Mapping[str, Any]
) -> NDArray[np.float32]:
    """Bring logits to the image that was preprocessed, as nnU-Net does, as probability of tumour of any label.

    Parameters
    ----------
    predictor : nnUNetPredictor
        That they come from.
    logits : Tensor
        (labels, z, y, x) of the preprocessed image.
    properties : dict
        nnU-Net's of that image.

    Returns
    -------
    ndarray of float32
        (z, y, x) of the image. Of labels, all but background; of regions, the most probable one.
    """
    labels = predictor.label_manager
    _, found = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits.cpu(), predictor.plans_manager, predictor.configuration_manager, labels, properties,
        return_probabilities=True, num_threads_torch=torch.get_num_threads(),
    )  # fmt: skip
    probability: NDArray[np.float32] = found.max(axis=0) if labels.has_regions else 1 - found[0]
    return probability
