"""From a stack of slices to the windows of neighbouring slices that a 2.5D network reads."""

import torch.nn.functional as F
from torch import Tensor


def slice_windows(stack: Tensor, slices: int) -> Tensor:
    """Make every slice the centre of a window of its neighbours; neighbours beyond the stack are zero.

    Zero is what nnU-Net pads with, so a window at the border of a tile and one at the border of a case look alike.

    Parameters
    ----------
    stack : Tensor
        (B, C, D, H, W).
    slices : int
        S, odd.

    Returns
    -------
    Tensor
        (B * D, C * S, H, W), channels modality by modality, slices in order.
    """
    batch, channels, depth, height, width = stack.shape
    margin = slices // 2
    padded = F.pad(stack, (0, 0, 0, 0, margin, margin))
    windows = padded.unfold(2, slices, 1)
    return windows.permute(0, 2, 1, 5, 3, 4).reshape(batch * depth, channels * slices, height, width)
