"""GeminiFusion: an MiT for both modalities, whose tokens attend to the other modality's at their pixel in each block.

Source: Jia et al., GeminiFusion: Efficient Pixel-wise Multimodal Fusion for Vision Transformer, ICML 2024, arXiv
2406.01210. Encoder and head: Xie et al., SegFormer, NeurIPS 2021, arXiv 2105.15203.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from timm.models.pvt_v2 import Attention
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES, choose
from nnunet_cipa.network.comparators.comparator import rename
from nnunet_cipa.network.comparators.ensemble import (
    EnsembleOfModalities,
    make_head,
    separate_norms,
    shared_name,
    swap_modalities,
)
from nnunet_cipa.network.layers.basic import for_each_modality
from nnunet_cipa.network.layers.mit import MIT_SIZES, MiTSizes, MixTransformer, init_as_mit, segformer_name
from nnunet_cipa.network.layers.segformer_head import SegFormerHead, segformer_head_name

HEADS = 8  # of the fusion
DROP_PATH = {"b3": 0.4}
FUSION = ".proj.0."  # in a tensor's name


class TokenAttention(nn.Module):
    """Attention of each token over two keys and values of its own.

    Parameters
    ----------
    channels : int
        C of tokens, keys and values.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(channels, 3 * channels)  # of queries, keys and values
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        init_as_mit(self.out_proj)

    def forward(self, tokens: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Map (B, N, C), with keys and values of that shape, to that shape."""
        projections = list(zip(self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3), strict=True))
        query = F.linear(tokens, *projections[0]).unflatten(-1, (HEADS, -1))
        projected_keys, projected_values = (
            torch.stack([F.linear(each, *projection).unflatten(-1, (HEADS, -1)) for each in several])
            for several, projection in ((keys, projections[1]), (values, projections[2]))
        )
        scores = (query * projected_keys).sum(-1, keepdim=True) / math.sqrt(query.shape[-1])
        return self.out_proj((scores.softmax(0) * projected_values).sum(0).flatten(-2))


class PixelFusion(nn.Module):
    """Adds to each token what it finds in itself, with noise that is learned, and in the other modality's token.

    How far the other one counts is a relation that both decide, a weight for each channel.

    Parameters
    ----------
    channels : int
        C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.relation = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.GELU(), nn.Linear(channels, channels), nn.Softmax(dim=-1)
        )
        self.relation.apply(init_as_mit)
        self.key_noise = nn.Parameter(torch.randn(len(MODALITIES), channels))
        self.value_noise = nn.Parameter(torch.randn(len(MODALITIES), channels))
        self.attentions = for_each_modality(TokenAttention, channels)

    def forward(self, pair: Tensor) -> Tensor:
        """Map tokens (2B, N, C), CT's samples before PET's, to that shape."""
        other = swap_modalities(pair)
        related = pair * self.relation(torch.cat((pair, other), dim=-1))
        halves = zip(pair.chunk(2), other.chunk(2), related.chunk(2), self.key_noise, self.value_noise, strict=True)
        found = [
            attention(own, (own + key_noise, own_related), (own + value_noise, others))
            for attention, (own, others, own_related, key_noise, value_noise) in zip(
                self.attentions.values(), halves, strict=True
            )
        ]
        return pair + torch.cat(found)


class GeminiEncoder(MixTransformer):
    """MiT for CT and PET, which have norms of their own, share the rest, and meet before each attention's projection.

    Parameters
    ----------
    sizes : MiTSizes
        Widths, depths, heads and stochastic depth.
    """

    def __init__(self, sizes: MiTSizes) -> None:
        super().__init__(sizes)
        separate_norms(self, eps=1e-6)
        for module in list(self.modules()):
            if isinstance(module, Attention):
                module.add_module("proj", nn.Sequential(PixelFusion(module.dim), module.proj))

    def forward(self, pair: Tensor) -> list[Tensor]:
        """Map images (2B, 3, H, W) to features (2B, C, H/s, W/s), s = 4, 8, 16, 32."""
        features = [pair]
        for level in range(len(self.stages)):
            features.append(self.run_stage(level, features[-1]))
        return features[1:]


class GeminiFusion(EnsembleOfModalities):
    """GeminiFusion on slices of CT and PET.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        Of MiT: "b3", as in the CVPR paper's table, "b2" or "nano".
    """

    encoder: GeminiEncoder
    decoder: SegFormerHead

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        variant: str = "b3",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, **more)
        sizes = choose("variant", variant, MIT_SIZES)
        sizes = replace(sizes, drop_path=DROP_PATH.get(variant, sizes.drop_path))
        self.encoder = GeminiEncoder(sizes)
        self.decoder = make_head(sizes.widths, num_classes)

    def penalty(self) -> Tensor:
        """Return zero: the method adds nothing to the loss."""
        return torch.zeros((), device=self.ensemble.alpha.device)

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in SegFormer's file of MiT, whose norms are those of both modalities."""
        part, _, rest = name.partition(".")
        if part != "encoder" or FUSION in rest:
            return None
        return shared_name(segformer_name(rest)).replace(".proj.1.", ".proj.")

    def original_names(self, name: str) -> list[str]:
        """Return the one name in the authors' repository."""
        part, _, rest = name.partition(".")
        if part != "encoder":
            return ["alpha" if part == "ensemble" else f"decoder.{segformer_head_name(rest)}"]
        name = segformer_name(rest)
        return [f"encoder.{rename(name, _NAMES)}"]


_FUSION = re.escape(FUSION)
_NAMES = [
    (_FUSION + r"relation\.0\.", ".relation_judger.0.fc1."),
    (_FUSION + r"relation\.2\.", ".relation_judger.0.fc2."),
    (_FUSION + r"key_noise$", ".k_noise.weight"),
    (_FUSION + r"value_noise$", ".v_noise.weight"),
    (_FUSION + r"attentions\.CT\.", ".cross_attn_0_to_1."),
    (_FUSION + r"attentions\.PET\.", ".cross_attn_1_to_0."),
    (r"\.in_proj\.", ".in_proj_"),
    (r"\.attn\.proj\.1\.", ".attn.proj."),
    (r"^(?!.*relation_judger)(.*\.(?:q|kv|sr|proj|fc1|fc2))\.", r"\1.module."),
    (r"\.CT\.", ".ln_0."),
    (r"\.PET\.", ".ln_1."),
]
