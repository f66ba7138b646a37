"""From a stack of slices to the windows of neighbouring slices that a 2.5D network reads.

A neighbour that is missing is a copy of the nearest slice towards the window's centre. Missing are what lies beyond a
stack and slices whose every value is exactly zero, which nnU-Net pads with: a network that sees zeros there learns that
a zero neighbour is a tumour's end.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def index_windows(stack: Tensor, slices: int) -> tuple[Tensor, Tensor]:
    """Make every slice the centre of a window of its neighbours.

    All slices of zeros are the same one, and so are the windows around them.

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
    used, index = _copy_nearest(torch.where(filled[index], index, zero), filled).unique(return_inverse=True)
    return planes[used], index


def locate_slices(planes: Tensor, place: Tensor) -> list[tuple[slice, Tensor]]:
    """Find what planes the stacks consist of that ``index_windows`` took apart into single slices.

    Parameters
    ----------
    planes : Tensor
        (N, C, H, W).
    place : Tensor
        (B, D), which plane is each slice.

    Returns
    -------
    list of (slice, Tensor)
        For each stack its planes, which follow each other, and their positions in it, (n,), as floats; slices of zeros
        are in none. The one plane of zeros, if there is one, is a stack by itself, so that all planes are in one.
    """
    filled, found, first = planes.flatten(1).any(1), [], 0
    for own in place:
        positions = filled[own].nonzero().squeeze(1).float()
        if len(positions):
            found.append((slice(first, first + len(positions)), positions))
            first += len(positions)
    if first < len(planes):
        found.append((slice(first, len(planes)), place.new_zeros(1).float()))
    return found


def gather_windows(planes: Tensor, index: Tensor) -> Tensor:
    """Bring planes (N, C, H, W) into windows (B, C * S, H, W), channels modality by modality, slices in order."""
    return planes[index].transpose(1, 2).flatten(1, 2)


def split_windows(windows: Tensor, slices: int) -> tuple[Tensor, Tensor]:
    """Take windows (B, C * S, H, W) apart: planes (B * S, C, H, W) and the index (B, S) of each window's slices."""
    planes = windows.unflatten(1, (-1, slices)).transpose(1, 2).flatten(0, 1)
    index = torch.arange(len(planes), device=planes.device).view(-1, slices)
    return planes, _copy_nearest(index, planes.flatten(1).any(1))


def _copy_nearest(index: Tensor, filled: Tensor) -> Tensor:
    """Put the nearest slice towards the centre in the place of each slice (B, S) that is not filled (N).

    A window whose centre is not filled holds nothing but its centre.
    """
    slices = list(index.unbind(1))
    middle = len(slices) // 2
    centre_is_filled = filled[slices[middle]]
    for distance in range(1, middle + 1):
        for side in (-1, 1):
            here, before = middle + side * distance, middle + side * (distance - 1)
            slices[here] = torch.where(filled[slices[here]] & centre_is_filled, slices[here], slices[before])
    return torch.stack(slices, dim=1)
