"""SCC, the fusion of AsymFormer: features of both streams are selected, then attend to each other.

Maps are channels-first, (B, C, H, W).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import BatchNorm

ATTENTION_DROPOUT = 0.2


class FeatureSelection(nn.Module):
    """LAFS: both streams' channels weighed by the means over the map, and pixels by a product with those.

    Parameters
    ----------
    channels : int
        C of both streams together.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pixels = _squeeze(channels, channels // 16)
        self.channels = _squeeze(channels, channels // 8)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh a map (B, C, H, W)."""
        means = x.mean((2, 3))
        pixels = torch.einsum("bchw,bc->bhw", x, self.pixels(means)) / x.shape[1] ** 2
        return x * pixels.sigmoid()[:, None] * self.channels(means).sigmoid()[:, :, None, None]


class CrossModalAttention(nn.Module):
    """CMA: attention between all pixels in two halves, whose queries and keys interleave those of the two streams.

    Parameters
    ----------
    ct_channels, pet_channels : int
        Channels of the two streams; the result has PET's.
    """

    def __init__(self, ct_channels: int, pet_channels: int) -> None:
        super().__init__()
        keys, values = 2 * (ct_channels // 4), 2 * (pet_channels // 4)
        self.pet_norm, self.ct_norm = BatchNorm(pet_channels), BatchNorm(ct_channels)
        self.pet_proj, self.ct_proj = nn.Linear(pet_channels, keys), nn.Linear(ct_channels, keys)
        self.value_proj = nn.Linear(pet_channels, values)
        self.out_proj = nn.Linear(values, pet_channels)
        self.out_norm = BatchNorm(pet_channels)

    def forward(self, ct: Tensor, pet: Tensor, fused: Tensor) -> Tensor:
        """Attend over ``fused``, a map of PET's shape, and add it."""
        mixed = torch.stack(
            (self.pet_proj(_tokens(self.pet_norm(pet))), self.ct_proj(_tokens(self.ct_norm(ct)))), dim=-1
        )
        keys, queries = mixed.flatten(2).unflatten(2, (2, 2, -1)).permute(3, 0, 2, 1, 4)
        values = self.value_proj(_tokens(fused)).unflatten(2, (2, -1)).transpose(1, 2)
        dropout = ATTENTION_DROPOUT if self.training else 0.0
        attended = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        out = self.out_proj(attended.transpose(1, 2).flatten(2))
        return fused + self.out_norm(out.transpose(1, 2).unflatten(2, fused.shape[2:]))


class Fusion(nn.Module):
    """SCC: selection of both streams' features, brought to PET's width, then attention between the two.

    Parameters
    ----------
    ct_channels, pet_channels : int
        Channels of the two streams; the result has PET's.
    """

    def __init__(self, ct_channels: int, pet_channels: int) -> None:
        super().__init__()
        self.selection = FeatureSelection(pet_channels + ct_channels)
        self.reduction = nn.Sequential(
            nn.Conv2d(pet_channels + ct_channels, pet_channels, 1, bias=False), BatchNorm(pet_channels)
        )
        self.attention = CrossModalAttention(ct_channels, pet_channels)

    def forward(self, ct: Tensor, pet: Tensor) -> Tensor:
        """Map two maps to one of PET's shape."""
        fused = self.reduction(self.selection(torch.cat((pet, ct), dim=1)))
        return self.attention(ct, pet, fused)


def _squeeze(channels: int, squeezed: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, squeezed, bias=False), nn.ReLU(), nn.Linear(squeezed, channels, bias=False)
    )


def _tokens(x: Tensor) -> Tensor:
    """Bring a map (B, C, H, W) to tokens (B, H * W, C)."""
    return x.flatten(2).transpose(1, 2)
