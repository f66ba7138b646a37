"""Sigma, a Siamese Mamba network: VMamba encoder, cross and concatenated Mamba blocks, channel-aware decoder.

Source: Wan et al., Sigma: Siamese Mamba Network for Multi-Modal Semantic Segmentation, WACV 2025, arXiv 2404.04256.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES
from nnunet_cipa.network.cipa.decoder import CVSSDecoder
from nnunet_cipa.network.cipa.encoder import VMambaEncoder
from nnunet_cipa.network.cipa.names import released_name
from nnunet_cipa.network.cipa.variants import get_variant
from nnunet_cipa.network.comparators.comparator import Comparator
from nnunet_cipa.network.layers.basic import ChannelsLast, for_each_modality
from nnunet_cipa.network.layers.ssm import SelectiveSSM
from nnunet_cipa.ops.directions import scan_sequences

D_STATE = 4
DROP_PATH = {"tiny": 0.2}  # of the encoder; the other variants as CIPA has them


class CrossMamba(nn.Module):
    """CroMB: each modality is scanned with the other's C, and added to what came in.

    Parameters
    ----------
    channels : int
        C of both maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.in_projs = for_each_modality(lambda: nn.Linear(channels, inner, bias=False))
        self.conv = nn.Sequential(nn.Conv2d(inner, inner, 3, padding=1, groups=inner), nn.SiLU())
        self.ssm = SelectiveSSM(inner, math.ceil(channels / 16), D_STATE, directions=2)  # CT's and PET's
        self.out_norms = for_each_modality(nn.LayerNorm, inner)
        self.out_projs = for_each_modality(lambda: nn.Linear(inner, channels, bias=False))

    def forward(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        """Map two maps (B, H, W, C) to two of that shape."""
        maps = {"CT": ct, "PET": pet}
        inner = [self.conv(self.in_projs[name](x).permute(0, 3, 1, 2)).flatten(2) for name, x in maps.items()]
        sequences = torch.stack(inner, dim=1)
        weights = self.ssm.weights
        projections = weights.x_proj @ sequences
        own, c = projections[:, :, :-D_STATE], projections[:, :, -D_STATE:]
        y = scan_sequences(sequences, torch.cat((own, c.flip(1)), dim=2), weights)
        y = y.transpose(2, 3).unflatten(2, ct.shape[1:3])
        ct_out, pet_out = (
            x + self.out_projs[name](self.out_norms[name](y[:, place])) for place, (name, x) in enumerate(maps.items())
        )
        return ct_out, pet_out


class ConcatMamba(nn.Module):
    """ConMB: both modalities as one sequence, scanned forwards and backwards, weighed by gates and fused.

    Parameters
    ----------
    channels : int
        C of both maps and of the fused one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.in_projs = for_each_modality(lambda: nn.Linear(channels, inner, bias=False))
        self.convs = for_each_modality(
            lambda: ChannelsLast(nn.Conv2d(inner, inner, 3, padding=1, groups=inner), nn.SiLU())
        )
        self.ssm = SelectiveSSM(inner, math.ceil(channels / 16), D_STATE, directions=2)  # forwards and backwards
        self.out_norms = for_each_modality(nn.LayerNorm, inner)
        self.gates = for_each_modality(_gate, inner)
        self.out_proj = nn.Linear(2 * inner, channels, bias=False)

    def forward(self, ct: Tensor, pet: Tensor) -> Tensor:
        """Map two maps (B, H, W, C) to one of that shape."""
        projected = {name: self.in_projs[name](x) for name, x in (("CT", ct), ("PET", pet))}
        tokens = [self.convs[name](x).flatten(1, 2) for name, x in projected.items()]
        scanned = self._scan(torch.cat(tokens, dim=1).transpose(1, 2)).transpose(1, 2).chunk(2, dim=1)
        gates = {name: self.gates[name](x.mean((1, 2), keepdim=True)) for name, x in projected.items()}
        y_ct, y_pet = (
            self.out_norms[name](y).view_as(projected[name]) for name, y in zip(MODALITIES, scanned, strict=True)
        )
        return ct + pet + self.out_proj(torch.cat((y_ct * gates["PET"], y_pet * gates["CT"]), dim=-1))

    def _scan(self, tokens: Tensor) -> Tensor:
        """Scan (B, d, L) in both directions, and add the two."""
        weights = self.ssm.weights
        sequences = torch.stack((tokens, tokens.flip(-1)), dim=1)
        forwards, backwards = scan_sequences(sequences, weights.x_proj @ sequences, weights).unbind(1)
        return forwards + backwards.flip(-1)


class Sigma(Comparator):
    """Sigma on slices of CT and PET.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        "tiny", "small", "base" or "nano".
    """

    encoder: VMambaEncoder

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "tiny",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = get_variant(variant)
        sizes = replace(sizes, drop_path=DROP_PATH.get(variant, sizes.drop_path))
        self.encoder = VMambaEncoder(sizes)
        self.interactions = nn.ModuleList(CrossMamba(channels) for channels in sizes.widths)
        self.fusions = nn.ModuleList(ConcatMamba(channels) for channels in sizes.widths)
        self.decoder = CVSSDecoder(sizes, num_classes)

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        images = self.intensities(x)
        features = self.encoder.encode_both(images["CT"], images["PET"])
        fused = [
            fusion(*interaction(ct, pet))
            for interaction, fusion, (ct, pet) in zip(self.interactions, self.fusions, features, strict=True)
        ]
        return self.decoder(fused)

    def original_names(self, name: str) -> list[str]:
        """Return the names in the authors' repository; a scan's parameters of CroMB are one of each modality."""
        for pattern, theirs in _NAMES:
            match = re.fullmatch(pattern, name)
            if match:
                return [match.expand(each) for each in theirs]
        return [released_name(name)]


_CROSS = r"interactions\.(\d)\."
_CONCAT = r"fusions\.(\d)\."
_CROMB = r"backbone.cross_mamba.\1.op."
_CONMB = r"backbone.channel_attn_mamba.\1.op."
_NAMES = [
    (_CROSS + r"in_projs\.CT\.weight", [_CROMB + "in_proj.weight"]),
    (_CROSS + r"in_projs\.PET\.weight", [_CROMB + "in_proj_modalx.weight"]),
    (_CROSS + r"conv\.0\.(\w+)", [_CROMB + r"conv2d.\2"]),
    (_CROSS + r"ssm\.(x_proj)_weight", [_CROMB + rf"CMA_ssm.\2_{m}.weight" for m in (1, 2)]),
    (_CROSS + r"ssm\.(dt_proj)s_(\w+)", [_CROMB + rf"CMA_ssm.\2_{m}.\3" for m in (1, 2)]),
    (_CROSS + r"ssm\.(A_log|D)s", [_CROMB + rf"CMA_ssm.\2_{m}" for m in (1, 2)]),
    (_CROSS + r"out_norms\.CT\.(\w+)", [_CROMB + r"CMA_ssm.out_norm_1.\2"]),
    (_CROSS + r"out_norms\.PET\.(\w+)", [_CROMB + r"CMA_ssm.out_norm_2.\2"]),
    (_CROSS + r"out_projs\.CT\.weight", [_CROMB + "out_proj_rgb.weight"]),
    (_CROSS + r"out_projs\.PET\.weight", [_CROMB + "out_proj_e.weight"]),
    (_CONCAT + r"in_projs\.CT\.weight", [_CONMB + "in_proj.weight"]),
    (_CONCAT + r"in_projs\.PET\.weight", [_CONMB + "in_proj_modalx.weight"]),
    (_CONCAT + r"convs\.CT\.0\.(\w+)", [_CONMB + r"conv2d.\2"]),
    (_CONCAT + r"convs\.PET\.0\.(\w+)", [_CONMB + r"conv2d_modalx.\2"]),
    (_CONCAT + r"ssm\.(\w+)", [_CONMB + r"\2"]),
    (_CONCAT + r"out_norms\.CT\.(\w+)", [_CONMB + r"out_norm1.\2"]),
    (_CONCAT + r"out_norms\.PET\.(\w+)", [_CONMB + r"out_norm2.\2"]),
    (_CONCAT + r"gates\.CT\.(\d\.weight)", [_CONMB + r"fc1.\2"]),
    (_CONCAT + r"gates\.PET\.(\d\.weight)", [_CONMB + r"fc2.\2"]),
    (_CONCAT + r"out_proj\.weight", [_CONMB + "out_proj.weight"]),
]


def _gate(channels: int) -> nn.Sequential:
    squeezed = channels // 16
    return nn.Sequential(
        nn.Linear(channels, squeezed, bias=False), nn.SiLU(), nn.Linear(squeezed, channels, bias=False), nn.Sigmoid()
    )
