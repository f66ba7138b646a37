"""Choice of a neighbour on each side of a slice, by content and by distance in mm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTH_MM = 10.0
_WIDTH = 32


class NeighbourChooser(nn.Module):
    """Chooses one of the m slices below and one of the m slices above the centre of a window.

    The score of a slice is ``scale * (query of the centre . key of the slice) / sqrt(32) - distance / 10 mm``, of
    vectors that two strided convolutions and an average over the plane give. ``scale`` starts at zero: a new module
    chooses the nearest slices. The choice is hard, so that what goes on is a slice as it is, and its gradient that of
    the softmax of the scores (straight through).

    Parameters
    ----------
    spacing_z : float
        Distance of neighbouring slices in mm.

    Notes
    -----
    Source of the gradient: Bengio et al., arXiv 1308.3432, section 4.
    """

    def __init__(self, spacing_z: float) -> None:
        super().__init__()
        self.describe = nn.Sequential(nn.Conv2d(2, 16, 4, 4), nn.GELU(), nn.Conv2d(16, _WIDTH, 4, 4), nn.GELU())
        self.query = nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.key = nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.scale = nn.Parameter(torch.zeros(1))
        self.spacing_z = spacing_z

    def forward(self, windows: Tensor) -> Tensor:
        """Choose in windows (B, 2, 2 m + 1, H, W) of CT and PET: 1 for a chosen slice, 0 for the others.

        Returns
        -------
        Tensor
            (B, 2, m), below and above, nearest first.
        """
        scores = self.score(windows)
        soft = scores.softmax(-1)
        hard = F.one_hot(scores.argmax(-1), scores.shape[-1]).to(soft.dtype)
        return hard + (soft - soft.detach())

    def score(self, windows: Tensor) -> Tensor:
        """Return the score of each slice in that order."""
        batch, _, slices = windows.shape[:3]
        reach = slices // 2
        vectors = self.describe(windows.transpose(1, 2).flatten(0, 1)).mean((2, 3)).unflatten(0, (batch, slices))
        fit = (self.key(vectors) @ self.query(vectors[:, reach])[:, :, None]).squeeze(-1) / _WIDTH**0.5
        content = torch.stack((fit[:, :reach].flip(1), fit[:, reach + 1 :]), dim=1)
        distance = self.spacing_z * torch.arange(1, reach + 1, device=windows.device)
        return self.scale * content - distance / LENGTH_MM

    def extra_repr(self) -> str:
        """Show the spacing in the network's printout."""
        return f"spacing_z={self.spacing_z:g}"


def take_chosen(windows: Tensor, choice: Tensor) -> Tensor:
    """Reduce windows (B, 2, 2 m + 1, H, W) to the chosen slice, the centre, the chosen slice: (B, 2, 3, H, W)."""
    reach = windows.shape[2] // 2
    sides = torch.stack((windows[:, :, :reach].flip(2), windows[:, :, reach + 1 :]), dim=1)
    chosen = (choice[:, :, None, :, None, None] * sides).sum(3)
    return torch.stack((chosen[:, 0], windows[:, :, reach], chosen[:, 1]), dim=2)
