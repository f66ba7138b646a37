"""Attention to the neighbours of a slice, by content and distance in mm."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LENGTH_MM = 10.0
_CELL = 4
_WIDTH = 32
_INITIAL_SCALE, _LARGEST_SCALE = 10.0, 100.0


class NeighbourAttention(nn.Module):
    """Composes one slice of the m slices below the centre of a window, and one of the m slices above it.

    In each cell of 4 x 4 pixels the score of a slice is ``scale * cos(query of the centre, key of the slice) -
    distance / 10 mm``, and its weight the softmax of the scores on its side. Query and key are 32 numbers that two
    convolutions and a linear layer make of a cell and those round it, CT and PET together. Between cells weights are
    interpolated.

    Parameters
    ----------
    spacing_z : float
        Distance of neighbouring slices in mm.

    Notes
    -----
    Source of the scaled cosine, whose learned scale starts at 10 and ends at 100: Swin Transformer V2, Liu et al.,
    CVPR 2022, section 3.2.
    """

    def __init__(self, spacing_z: float) -> None:
        super().__init__()
        self.describe = nn.Sequential(
            nn.Conv2d(2, _WIDTH // 2, _CELL, _CELL), nn.GELU(), nn.Conv2d(_WIDTH // 2, _WIDTH, 3, padding=1), nn.GELU()
        )
        self.query = nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False)
        self.key = nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(_INITIAL_SCALE)))
        self.spacing_z = spacing_z

    def forward(self, windows: Tensor) -> Tensor:
        """Return the weights of the neighbours in windows (B, 2, 2 m + 1, H, W) of CT and PET.

        Returns
        -------
        Tensor
            (B, 2, m, H, W), below and above, nearest first; the m weights of a pixel have a sum of 1.
        """
        weights = self.score(windows).softmax(2)
        size = (windows.shape[-2], windows.shape[-1])
        return F.interpolate(weights.flatten(1, 2), size=size, mode="bilinear").unflatten(1, weights.shape[1:3])

    def score(self, windows: Tensor) -> Tensor:
        """Return the scores (B, 2, m, H / 4, W / 4) in that order."""
        batch, _, slices = windows.shape[:3]
        centre = slices // 2
        vectors = self.describe(windows.transpose(1, 2).flatten(0, 1))
        keys = self.key(vectors).unflatten(0, (batch, slices))
        query = self.query(vectors.unflatten(0, (batch, slices))[:, centre])
        cosines = neighbours(F.cosine_similarity(query.float()[:, None], keys.float(), dim=2))
        distance = self.spacing_z * torch.arange(1, centre + 1, device=windows.device)
        scale = self.log_scale.clamp(max=math.log(_LARGEST_SCALE)).exp()
        return scale * cosines - distance[:, None, None] / _LENGTH_MM

    def extra_repr(self) -> str:
        """Show the spacing in the network's printout."""
        return f"spacing_z={self.spacing_z:g}"


def neighbours(windows: Tensor) -> Tensor:
    """Part windows (B, ..., 2 m + 1, H, W) into the slices below and above, nearest first: (B, 2, ..., m, H, W)."""
    centre = windows.shape[-3] // 2
    return torch.stack((windows[..., :centre, :, :].flip(-3), windows[..., centre + 1 :, :, :]), dim=1)


def compose(windows: Tensor, weights: Tensor) -> Tensor:
    """Put what is composed of each side round the three slices in the middle.

    Parameters
    ----------
    windows : Tensor
        (B, M, 2 m + 1, H, W).
    weights : Tensor
        (B, 2, m, H, W), as ``NeighbourAttention`` gives them.

    Returns
    -------
    Tensor
        (B, M, 5, H, W): composed below, below, centre, above, composed above.
    """
    composed = (weights[:, :, None] * neighbours(windows)).sum(3).transpose(1, 2)
    centre = windows.shape[2] // 2
    return torch.cat((composed[:, :, :1], windows[:, :, centre - 1 : centre + 2], composed[:, :, 1:]), dim=2)
