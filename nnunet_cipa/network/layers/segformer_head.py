"""The decoder of SegFormer: every stage projected to one width, put side by side and fused. Maps are channels-first.

Source: Xie et al., SegFormer, NeurIPS 2021, arXiv 2105.15203.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import BatchNorm

DROPOUT = 0.1


def segformer_head_name(name: str) -> str:
    """Return the name in SegFormer's decoder of a tensor of ``SegFormerHead``."""
    part, _, rest = name.partition(".")
    if part == "head":
        return f"linear_pred.{rest}"
    place, tensor = rest.split(".")
    if part == "projs":
        return f"linear_c{int(place) + 1}.proj.{tensor}"
    return f"linear_fuse.{('conv', 'bn')[int(place)]}.{tensor}"


class SegFormerHead(nn.Module):
    """An MLP decoder.

    Parameters
    ----------
    widths : sequence of int
        Channels of the stages.
    width : int
        Channels that each is projected to.
    num_classes : int
        Output channels.
    bias : bool
        Whether the convolution that fuses the stages has one.
    eps : float
        Of its batch normalisation.
    """

    def __init__(
        self, widths: Sequence[int], width: int, num_classes: int, *, bias: bool = False, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.projs = nn.ModuleList(nn.Linear(channels, width) for channels in widths)
        self.fuse = nn.Sequential(
            nn.Conv2d(len(widths) * width, width, 1, bias=bias), BatchNorm(width, eps=eps), nn.ReLU()
        )
        self.dropout = nn.Dropout2d(DROPOUT)
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features (B, C, H/s, W/s), the finest first, to logits (B, num_classes, H/4, W/4)."""
        size = features[0].shape[2:]
        projected = [
            F.interpolate(
                proj(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
            )
            for proj, x in zip(self.projs, features, strict=True)
        ]
        return self.head(self.dropout(self.fuse(torch.cat(projected[::-1], dim=1))))
