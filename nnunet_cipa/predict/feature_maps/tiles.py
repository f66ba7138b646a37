"""Maps of a whole slice, of which the network sees tiles."""

from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from torch import Tensor

from nnunet_cipa.network.petct import PETCTNetwork
from nnunet_cipa.predict.feature_maps.dcim import watched

_STEP = 0.5  # nnU-Net's, of a tile's side


@dataclass(frozen=True)
class StageMaps:
    """The maps of one stage's DCIM, (map, H, W) on the pixels of the slice, and their names."""

    names: tuple[str, ...]
    values: Tensor


def slice_window(image: Tensor, index: int, slices: int) -> Tensor:
    """Return a slice of (channels, z, y, x) with its neighbours, (1, channels * slices, y, x); zeros where none is."""
    half = slices // 2
    return F.pad(image, (0, 0, 0, 0, half, half))[:, index : index + slices].flatten(0, 1)[None]


@torch.inference_mode()
def map_window(network: PETCTNetwork, window: Tensor) -> list[StageMaps]:
    """Return the maps of each DCIM for a slice.

    The tiles are those of a prediction, and their maps are averaged with nnU-Net's weights. A feature's value is that
    of all pixels it stands for.

    Parameters
    ----------
    network : PETCTNetwork
        In evaluation.
    window : Tensor
        (1, 2 * slices, H, W), on the network's device.
    """
    side = network.patch_size
    padded, inside = pad_nd_image(window, side, return_slicer=True)
    size = padded.shape[2:]
    weight = compute_gaussian(side, dtype=torch.float32, device=torch.device("cpu"))
    with watched(network) as stages:
        sums, weights = torch.zeros(len(stages), 3, *size), torch.zeros(size)
        rows, columns = compute_steps_for_sliding_window(size, side, _STEP)
        for row, column in product(rows, columns):
            y, x = slice(row, row + side[0]), slice(column, column + side[1])
            network(padded[..., y, x])
            tile = torch.stack([_enlarge(stage.maps().cpu(), side) for stage in stages])
            sums[..., y, x] += tile * weight
            weights[y, x] += weight
    maps = (sums / weights)[..., inside[2], inside[3]]
    return [StageMaps(stage.names, values) for stage, values in zip(stages, maps, strict=True)]


def _enlarge(maps: Tensor, side: tuple[int, int]) -> Tensor:
    rows, columns = (whole // small for whole, small in zip(side, maps.shape[1:], strict=True))
    return maps.repeat_interleave(rows, 1).repeat_interleave(columns, 2)
