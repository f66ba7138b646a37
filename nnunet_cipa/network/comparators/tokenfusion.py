"""TokenFusion: a MiT encoder for both modalities, in which tokens of little worth give way to the other modality's.

Source: Wang et al., Multimodal Token Fusion for Vision Transformers, CVPR 2022, arXiv 2204.08721. Encoder and head:
Xie et al., SegFormer, NeurIPS 2021, arXiv 2105.15203.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from timm.models.pvt_v2 import Block
from torch import Tensor, nn

from nnunet_cipa.network.arguments import choose
from nnunet_cipa.network.comparators.comparator import Pattern, rename
from nnunet_cipa.network.comparators.ensemble import (
    EnsembleOfModalities,
    OfEachModality,
    make_head,
    separate_norms,
    shared_name,
    swap_modalities,
)
from nnunet_cipa.network.layers.mit import MIT_SIZES, MiTSizes, MixTransformer, init_as_mit, segformer_name
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.segformer_head import SegFormerHead

EPS = 1e-6  # of all norms of MiT
TRUNK = "encoder.trunk."
THRESHOLD = 0.02  # scores below it are exchanged
PENALTY_WEIGHT = 1e-6  # of the sum of all scores


class ScoreNet(nn.Sequential):
    """Tells how much each token of one modality is worth, from 0 to 1."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.Linear(channels, channels // 2),
            nn.GELU(),
            nn.Linear(channels // 2, channels // 4),
            nn.GELU(),
            nn.Linear(channels // 4, 2),
        )
        self.apply(init_as_mit)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, N, C) to (B, N, 1)."""
        return super().forward(tokens).softmax(-1)[..., :1]


def exchange_tokens(tokens: Tensor, scores: Tensor) -> Tensor:
    """Weigh tokens by their scores; those below the threshold become the other modality's at that place.

    Parameters
    ----------
    tokens : Tensor
        (2B, N, C), CT's samples before PET's.
    scores : Tensor
        (2B, N, 1).
    """
    weighed = tokens * scores
    return torch.where(scores < THRESHOLD, swap_modalities(weighed), weighed)


class TokenFusionEncoder(Recomputing):
    """MiT for CT and PET, which have norms and score nets of their own and share the rest.

    Parameters
    ----------
    sizes : MiTSizes
        Widths, depths, heads and stochastic depth.
    """

    def __init__(self, sizes: MiTSizes) -> None:
        super().__init__()
        self.trunk = MixTransformer(sizes)
        separate_norms(self.trunk, eps=EPS)
        self.scores = nn.ModuleList(OfEachModality(partial(ScoreNet, channels)) for channels in sizes.widths)
        self._sums: list[Tensor] = []

    def forward(self, pair: Tensor) -> list[Tensor]:
        """Map images (2B, 3, H, W) to features (2B, C, H/s, W/s), s = 4, 8, 16, 32."""
        self._sums = []
        features = [pair]
        for stage, score in zip(self.trunk.stages, self.scores, strict=True):
            features.append(self._run_stage(stage, score, features[-1]))
        return features[1:]

    def _run_stage(self, stage: Any, score: nn.Module, x: Tensor) -> Tensor:
        embedded = (stage.downsample or self.trunk.patch_embed)(x)
        size = embedded.shape[1:3]
        tokens = embedded.flatten(1, 2)
        for block in stage.blocks:
            scores = score(tokens)
            if self.training:
                self._sums.append(scores.sum())
            tokens = self.run(partial(_run_block, block, scores, size), tokens)
        return stage.norm(tokens).unflatten(1, size).permute(0, 3, 1, 2)

    def take_sum_of_scores(self) -> Tensor:
        """Return the sum of all scores of the last pass in training, and forget it, with what its gradient needs."""
        sums, self._sums = self._sums, []
        return torch.stack(sums).sum()


def _run_block(block: Block, scores: Tensor, size: Sequence[int], tokens: Tensor) -> Tensor:
    """Run a transformer block on (2B, N, C), whose attention branch is exchanged."""
    attended = exchange_tokens(block.attn(block.norm1(tokens), size), scores)
    tokens = tokens + block.drop_path1(attended)
    return tokens + block.drop_path2(block.mlp(block.norm2(tokens), size))


class TokenFusion(EnsembleOfModalities):
    """TokenFusion on slices of CT and PET.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size, **more
        As for ``PETCTNetwork``.
    variant : str
        Size of the encoder: "b3", as in the paper, "b2" or "nano".

    Raises
    ------
    ValueError
        If there is no such variant.
    """

    encoder: TokenFusionEncoder
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
        self.encoder = TokenFusionEncoder(sizes)
        self.decoder = make_head(sizes.widths, num_classes)

    def penalty(self) -> Tensor:
        """Return the weighted sum of all scores, which keeps them low unless they are worth it."""
        return PENALTY_WEIGHT * self.encoder.take_sum_of_scores()

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in SegFormer's file of MiT, whose norms are those of both modalities."""
        return shared_name(segformer_name(name.removeprefix(TRUNK))) if name.startswith(TRUNK) else None

    def original_names(self, name: str) -> list[str]:
        """Return the name in the authors' repository."""
        if name.startswith(TRUNK):
            name = f"encoder.{segformer_name(name.removeprefix(TRUNK))}"
        return [rename(name, _NAMES)]


_NAMES: list[Pattern] = [
    (r"^ensemble\.alpha", "alpha"),
    (r"^encoder\.scores\.(\d)\.CT", r"encoder.score_predictor.\1.score_nets.0"),
    (r"^encoder\.scores\.(\d)\.PET", r"encoder.score_predictor.\1.score_nets.1"),
    (r"^(encoder.*)\.CT\.", r"\1.ln_0."),
    (r"^(encoder.*)\.PET\.", r"\1.ln_1."),
    (r"^(encoder.*\.(?:proj|q|kv|sr|fc1|fc2))\.", r"\1.module."),
    (r"^decoder\.projs\.(\d)", lambda match: f"decoder.linear_c{int(match[1]) + 1}.proj"),
    (r"^decoder\.fuse\.0", "decoder.linear_fuse.conv"),
    (r"^decoder\.fuse\.1", "decoder.linear_fuse.bn"),
    (r"^decoder\.head", "decoder.linear_pred"),
]
