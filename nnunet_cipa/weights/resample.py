"""CRM's size-dependent tensors for another patch size."""

import math

import torch.nn.functional as F
from torch import Tensor


def resample_positions(tensor: Tensor, source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Resample the last axis, the positions of a feature map, to another map size.

    Parameters
    ----------
    tensor : Tensor
        (..., H * W).
    source, target : (int, int)
        Height and width of the map before and after.

    Returns
    -------
    Tensor
        (..., H' * W'), bilinear, with antialiasing where the map shrinks.
    """
    maps = tensor.reshape(1, -1, *source).float()
    resized = F.interpolate(maps, size=target, mode="bilinear", align_corners=False, antialias=True)
    return resized.reshape(*tensor.shape[:-1], -1).to(tensor.dtype)


def resample_crm(name: str, tensor: Tensor, source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Resample one of CRM's tensors: the norm's scale and offset by position, or the embedding's weight.

    The embedding sums over positions, so its weight is also scaled by the ratio of their numbers: a map and its
    resampled copy then give the same tokens.
    """
    resampled = resample_positions(tensor, source, target)
    if name.endswith("embed.weight"):
        resampled = resampled * (math.prod(source) / math.prod(target))
    return resampled
