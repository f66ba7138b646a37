"""Variance over channels of a map that is interpolated to four times its size, without the interpolated map."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import depth_to_space

FACTOR = 4
# Two bilinear steps of factor 2 in a row, along one axis: the weights that the pixel before, the pixel itself and the
# pixel after have in each of the four pixels that it becomes.
TAPS = ((0.375, 0.625, 0.0), (0.1875, 0.75, 0.0625), (0.0625, 0.75, 0.1875), (0.0, 0.625, 0.375))
# Of two pixels among 3 x 3, where the second lies from the first in (rows, columns); each pair once.
STEPS = tuple((rows, columns) for rows in range(3) for columns in range(-2, 3) if rows > 0 or columns >= 0)


class InterpolatedVariance(nn.Module):
    """Variance over channels of a centred map after two bilinear steps of factor 2 (corners not aligned).

    An interpolated pixel is sum_a w_a v_a over 3 x 3 pixels v_a of C channels, so the mean of its squares is
    sum_ab w_a w_b <v_a, v_b> / C. The products of a pixel with itself and 12 neighbours are 13 channels at the map's
    own size, in place of C channels at 16 times as many pixels. Clamping at the borders of both steps is the same as
    repeating the map's border once. Centring over channels and interpolation change places, so the map comes centred.
    """

    pair_weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pair_weights", _pair_weights(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C), of mean zero over channels, to variances (B, 4H, 4W, 1)."""
        height, width, channels = x.shape[1] + 2, x.shape[2] + 2, x.shape[3]
        x = F.pad(_repeat_border(x), (0, 0, 2, 2, 0, 2))  # partners out there have no weight
        pixels = x[:, :height, 2 : 2 + width]
        products = [
            (pixels * x[:, rows : rows + height, 2 + columns : 2 + columns + width]).sum(-1) for rows, columns in STEPS
        ]
        around = (torch.stack(products, dim=1) / channels).unfold(2, 3, 1).unfold(3, 3, 1)
        # A matrix product, as convolutions of float32 are rounded to ten bits on a GPU (TF32).
        means = torch.tensordot(around, self.pair_weights.to(x.dtype), ([1, 4, 5], [1, 2, 3]))
        # Of vectors that cancel rounding may leave less than nothing.
        return depth_to_space(means, FACTOR).clamp(min=0)


def _repeat_border(x: Tensor) -> Tensor:
    x = torch.cat((x[:, :1], x, x[:, -1:]), dim=1)
    return torch.cat((x[:, :, :1], x, x[:, :, -1:]), dim=2)


def _pair_weights() -> Tensor:
    """Return what each pair of pixels has in each of 4 x 4 variances: (16, steps, 3, 3), by the pair's first pixel."""
    taps = torch.tensor(TAPS)
    pixel_weights = torch.einsum("pr,qc->pqrc", taps, taps).flatten(0, 1)
    weights = torch.zeros(FACTOR**2, len(STEPS), 3, 3)
    for place, (rows, columns) in enumerate(STEPS):
        last, left, right = 3 - rows, max(0, -columns), min(3, 3 - columns)
        partners = pixel_weights[:, rows:, left + columns : right + columns]
        pairs = pixel_weights[:, :last, left:right] * partners
        weights[:, place, :last, left:right] = pairs if (rows, columns) == (0, 0) else 2 * pairs
    return weights
