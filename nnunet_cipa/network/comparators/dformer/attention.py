"""The attention of DFormer. Maps are channels-last, (B, H, W, C)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.comparators.dformer.sizes import EPS
from nnunet_cipa.network.layers.basic import ChannelsLast

POOLED = 7


class PooledAttention(nn.Module):
    """Attention of a 7 x 7 map, pooled from both streams, to all pixels of CT.

    Parameters
    ----------
    channels : int
        C of CT's stream; the result has half of it.
    heads : int
        Number of heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels + channels // 2, channels // 2)
        self.key_value = nn.Linear(channels, channels)

    def forward(self, both: Tensor, local: Tensor) -> Tensor:
        """Map both streams (B, H, W, 1.5 C) and what is attended to, (B, H, W, C), to (B, H, W, C / 2)."""
        pooled = F.adaptive_avg_pool2d(both.permute(0, 3, 1, 2), POOLED).flatten(2).transpose(1, 2)
        key, value = self.key_value(local.flatten(1, 2)).chunk(2, dim=-1)
        query, key, value = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (self.query(pooled), key, value))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(2, 3).flatten(1, 2)
        spread = F.interpolate(
            attended.unflatten(2, (POOLED, POOLED)), size=both.shape[1:3], mode="bilinear", align_corners=False
        )
        return spread.permute(0, 2, 3, 1)


class Attention(nn.Module):
    """CT weighed by its surroundings, attention from a pooled map of both streams, CT weighed by PET; all joined.

    Parameters
    ----------
    channels : int
        C of CT's stream; PET's has half of it.
    heads : int
        Heads of the pooled attention; 0 for none.
    gives_pet : bool
        Whether there is a result for PET.
    """

    def __init__(self, channels: int, heads: int, *, gives_pet: bool) -> None:
        super().__init__()
        half = channels // 2
        self.ct_norm = nn.LayerNorm(channels, eps=EPS)
        self.pet_norm = nn.LayerNorm(half, eps=EPS)
        self.local_in = nn.Linear(channels, channels)
        self.local_conv = ChannelsLast(nn.Conv2d(channels, channels, 7, padding=3, groups=channels))
        self.local_out = nn.Linear(channels, channels)
        self.local_values = nn.Linear(channels, channels)
        self.pooled = PooledAttention(channels, heads) if heads else None
        self.pet_in = nn.Linear(half, half)
        self.pet_conv = ChannelsLast(nn.Conv2d(half, half, 7, padding=3, groups=half))
        self.pet_out = nn.Linear(half, half)
        self.pet_values = nn.Linear(channels, half)
        joined = channels + half + (half if heads else 0)
        self.ct_proj = nn.Linear(joined, channels)
        self.pet_proj = nn.Linear(joined, half) if gives_pet else None

    def forward(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map (B, H, W, C) and (B, H, W, C / 2) to what is added to each."""
        ct, pet = self.ct_norm(ct), self.pet_norm(pet)
        local = F.gelu(self.local_in(ct))
        parts = [self.local_values(ct) * self.local_out(self.local_conv(local))]
        if self.pooled is not None:
            parts.append(self.pooled(torch.cat((ct, pet), dim=-1), local))
        parts.append(self.pet_values(ct) * self.pet_out(self.pet_conv(self.pet_in(pet))))
        joined = torch.cat(parts, dim=-1)
        return self.ct_proj(joined), None if self.pet_proj is None else self.pet_proj(joined)
