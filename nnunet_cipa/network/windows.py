"""From a stack of slices to the windows of neighbouring slices that a 2.5D network reads."""

import torch
import torch.nn.functional as F
from torch import Tensor


def index_windows(stack: Tensor, slices: int) -> tuple[Tensor, Tensor]:
    """Make every slice the centre of a window of its neighbours; neighbours beyond the stack are zero.

    Zero is what nnU-Net pads with, so a window at the border of a tile and one at the border of a case look alike. All
    slices that hold nothing but zeros, missing neighbours and nnU-Net's padding, are the same one.

    Parameters
    ----------
    stack : Tensor
        (B, C, D, H, W).
    slices : int
        S, odd.

    Returns
    -------
    planes : Tensor
        (N, C, H, W), the slices that there are in any window.
    index : Tensor
        (B * D, S), which planes are the slices of each window.
    """
    batch, _, depth = stack.shape[:3]
    planes = F.pad(stack.transpose(1, 2).flatten(0, 1), (0, 0, 0, 0, 0, 0, 0, 1))
    zero = batch * depth
    position = torch.arange(depth)[:, None] + torch.arange(slices) - slices // 2
    first = depth * torch.arange(batch)[:, None, None]
    index = torch.where((position >= 0) & (position < depth), first + position, zero).flatten(0, 1).to(stack.device)
    filled = planes.flatten(1).any(1)
    used, index = torch.where(filled[index], index, zero).unique(return_inverse=True)
    return planes[used], index


def gather_windows(planes: Tensor, index: Tensor) -> Tensor:
    """Bring planes (N, C, H, W) into windows (B, C * S, H, W), channels modality by modality, slices in order."""
    return planes[index].transpose(1, 2).flatten(1, 2)


def split_windows(windows: Tensor, slices: int) -> tuple[Tensor, Tensor]:
    """Take windows (B, C * S, H, W) apart: planes (B * S, C, H, W) and the index (B, S) that makes them anew."""
    planes = windows.unflatten(1, (-1, slices)).transpose(1, 2).flatten(0, 1)
    return planes, torch.arange(len(planes), device=planes.device).view(-1, slices)
