"""CRM's size-dependent tensors for another patch size."""

import torch
import torch.nn.functional as F
from torch import Tensor


def resample_positions(
    tensor: Tensor, source: tuple[int, int], target: tuple[int, int], *, keep_corners: bool = False
) -> Tensor:
    """Resample the last axis, the positions of a feature map, to another map size.

    Parameters
    ----------
    tensor : Tensor
        (..., H * W).
    source, target : (int, int)
        Height and width of the map before and after.
    keep_corners : bool
        Let the centres of the corners' pixels lie on each other, not the map's borders, and do not smooth.

    Returns
    -------
    Tensor
        (..., H' * W'), bilinear, with antialiasing where the map shrinks.
    """
    sizes = zip(source, target, strict=True)
    return _along_both_axes(tensor, source, *(_resizing(old, new, keep_corners) for old, new in sizes))


def resample_crm(name: str, tensor: Tensor, source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Resample one of CRM's tensors: the norm's scale and offset by position, or the embedding's weight.

    The embedding sums over positions. Its weight W becomes W R, where R resamples a map of the new size to the old one,
    so that a map gives the same tokens as its resampled copy gave before.
    """
    if name.endswith("embed.weight"):
        back = (_resizing(new, old).T for old, new in zip(source, target, strict=True))
        return _along_both_axes(tensor, source, *back)
    return resample_positions(tensor, source, target)


def _along_both_axes(tensor: Tensor, source: tuple[int, int], rows: Tensor, columns: Tensor) -> Tensor:
    maps = tensor.unflatten(-1, source).double()
    return (rows @ maps @ columns.T).flatten(-2).to(tensor.dtype)


def _resizing(old: int, new: int, keep_corners: bool = False) -> Tensor:
    """Return the matrix (new, old) that resamples a column of ``old`` values to ``new``."""
    identity = torch.eye(old, dtype=torch.float64)[None, None]
    how = {"align_corners": keep_corners, "antialias": not keep_corners}
    return F.interpolate(identity, size=(new, old), mode="bilinear", **how)[0, 0]
