"""Mirrored passes of nnU-Net's predictor one by one, and probabilities of logits."""

import itertools
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from numpy.typing import NDArray
from torch import nn

_SLICES = 16  # at a time


def flip_logits(predictor: nnUNetPredictor, image: torch.Tensor) -> Generator[tuple[str, torch.Tensor], None, None]:
    """Predict each mirrored pass by itself with the weights that are loaded, in the time of nnU-Net's mean of them.

    The mean of what comes out is nnU-Net's but for rounding: nnU-Net adds the passes up tile by tile, in 16 bits. So a
    mask is made of nnU-Net's own prediction, and not of this.

    Parameters
    ----------
    predictor : nnUNetPredictor
        Of a model with mirroring, which is not switched off; it is as before when all passes are taken.
    image : Tensor
        (channels, z, y, x), preprocessed.

    Yields
    ------
    str, Tensor
        How the image was flipped, and the logits, (labels, z, y, x), flipped back.
    """
    axes = tuple(predictor.allowed_mirroring_axes)
    names = "zyx"[-len(predictor.configuration_manager.patch_size) :]
    network, mirroring = predictor.network, predictor.use_mirroring
    predictor.use_mirroring = False
    try:
        for count in range(len(axes) + 1):
            for flipped in itertools.combinations(axes, count):
                predictor.network = _Flipped(network, flipped)
                along = " and ".join(names[axis] for axis in flipped)
                name = f"flipped along {along}" if along else "not flipped"
                yield name, predictor.predict_sliding_window_return_logits(image)
    finally:
        predictor.network, predictor.use_mirroring = network, mirroring


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
    whole = np.zeros(properties["shape_before_cropping"], np.float32)
    first, last = properties["bbox_used_for_cropping"][0]
    # Slices of 2D networks are not resampled across, so that a few at a time give the same in a part of the memory
    sliced = len(predictor.configuration_manager.patch_size) == 2
    step = _SLICES if sliced else last - first
    for start in range(first, last, step):
        stop = min(start + step, last)
        part = logits[:, start - first : stop - first] if sliced else logits
        whole[start:stop] = _of_slices(predictor, part, properties, stop - start)
    return whole.transpose(predictor.plans_manager.transpose_backward)


def _of_slices(
    predictor: nnUNetPredictor, logits: torch.Tensor, properties: Mapping[str, Any], count: int
) -> NDArray[np.float32]:
    """Return the probability on some slices of an image, whose axes are as nnU-Net has turned them."""
    plans, labels = predictor.plans_manager, predictor.label_manager
    _, *plane = properties["bbox_used_for_cropping"]
    own = {
        **properties,
        "bbox_used_for_cropping": [[0, count], *plane],
        **{
            name: (count, *properties[name][1:])
            for name in ("shape_before_cropping", "shape_after_cropping_and_before_resampling")
        },
    }
    _, found = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits.cpu(), plans, predictor.configuration_manager, labels, own,
        return_probabilities=True, num_threads_torch=torch.get_num_threads(),
    )  # fmt: skip
    probability: NDArray[np.float32] = found.max(axis=0) if labels.has_regions else 1 - found[0]
    return probability.transpose(plans.transpose_forward)
