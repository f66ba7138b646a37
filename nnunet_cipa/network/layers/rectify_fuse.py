"""Feature rectification and feature fusion of two modalities (FRM, FFM of CMX). Maps are channels-first.

Source: Zhang et al., CMX, IEEE Transactions on Intelligent Transportation Systems 2023, arXiv 2203.04838.
"""

import torch
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import BatchNorm, for_each_modality
from nnunet_cipa.network.layers.precision import without_autocast


class FeatureRectification(nn.Module):
    """FRM: each map gets part of the other, by weights per channel and per pixel that both maps decide.

    Parameters
    ----------
    channels : int
        C of both maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        both = 2 * channels
        self.channel_weights = nn.Sequential(
            nn.Linear(2 * both, 2 * both), nn.ReLU(), nn.Linear(2 * both, both), nn.Sigmoid()
        )
        self.spatial_weights = nn.Sequential(
            nn.Conv2d(both, channels, 1), nn.ReLU(), nn.Conv2d(channels, 2, 1), nn.Sigmoid()
        )

    def forward(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        """Map two maps (B, C, H, W) to two of that shape."""
        pair = torch.cat((ct, pet), dim=1)
        pooled = torch.cat((pair.mean((2, 3)), pair.amax((2, 3))), dim=1)
        channel_ct, channel_pet = self.channel_weights(pooled)[..., None, None].chunk(2, dim=1)
        pixel_ct, pixel_pet = self.spatial_weights(pair).chunk(2, dim=1)
        return ct + 0.5 * (channel_pet + pixel_pet) * pet, pet + 0.5 * (channel_ct + pixel_ct) * ct


class FeatureFusion(nn.Module):
    """FFM: each map is read through the other's global context, then both become one.

    Parameters
    ----------
    channels : int
        C of both maps and of the fused one.
    heads : int
        Heads of the cross attention.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projs = for_each_modality(nn.Linear, channels, 2 * channels)
        self.key_values = for_each_modality(lambda: nn.Linear(channels, 2 * channels, bias=False))
        self.end_projs = for_each_modality(nn.Linear, 2 * channels, channels)
        self.norms = for_each_modality(nn.LayerNorm, channels)
        self.residual = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.branch = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            BatchNorm(channels),
        )
        self.norm = BatchNorm(channels)

    def forward(self, ct: Tensor, pet: Tensor) -> Tensor:
        """Map two maps (B, C, H, W) to one of that shape."""
        tokens = {name: x.flatten(2).transpose(1, 2) for name, x in (("CT", ct), ("PET", pet))}
        halves = {name: self.projs[name](x).relu().chunk(2, dim=-1) for name, x in tokens.items()}
        contexts = {name: self._context(*self.key_values[name](u).chunk(2, dim=-1)) for name, (_, u) in halves.items()}
        out = []
        for name, other in (("CT", "PET"), ("PET", "CT")):
            y, u = halves[name]
            read = (self._split(u) @ contexts[other]).transpose(1, 2).flatten(2)
            out.append(self.norms[name](tokens[name] + self.end_projs[name](torch.cat((y, read), dim=-1))))
        joined = torch.cat(out, dim=-1).transpose(1, 2).unflatten(2, ct.shape[2:])
        return self.norm(self.residual(joined) + self.branch(joined))

    def _context(self, keys: Tensor, values: Tensor) -> Tensor:
        """Return (B, heads, e, e) of keys and values (B, N, C); in float32, as it sums over all pixels."""
        with without_autocast(keys.device):
            k, v = (self._split(x.to(torch.promote_types(x.dtype, torch.float32))) for x in (keys, values))
            return (k.transpose(2, 3) @ v * k.shape[-1] ** -0.5).softmax(dim=2)

    def _split(self, x: Tensor) -> Tensor:
        """Split tokens (B, N, C) into heads (B, heads, N, C / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
