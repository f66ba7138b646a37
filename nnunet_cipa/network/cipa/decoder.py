"""The channel-aware VSS decoder (Wan et al., Sigma, WACV 2025), as CIPA uses it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.cipa.variants import Variant
from nnunet_cipa.network.layers.basic import DropPath, depth_to_space, upsample_bilinear
from nnunet_cipa.network.layers.interpolated_variance import InterpolatedVariance
from nnunet_cipa.network.layers.precision import without_autocast
from nnunet_cipa.network.layers.recomputing import Recomputing, keep_inputs
from nnunet_cipa.network.layers.ss2d import SS2D

DROP_PATH = 0.1


class ChannelAttention(nn.Module):
    """Weigh each channel by its average and its maximum, both through the same pair of 1 x 1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(channels // 30, 1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1, bias=False)
        self.excite = nn.Conv2d(squeezed, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        average, maximum = (
            self._weigh(pooled) for pooled in (x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True))
        )
        return x * (average + maximum).sigmoid()

    def _weigh(self, pooled: Tensor) -> Tensor:
        return self.excite(F.silu(self.squeeze(pooled)))


class CVSSBlock(Recomputing):
    """Channel-aware VSS block: a scan and a channel attention block (CAB), each with a learned scale on its skip."""

    def __init__(self, channels: int, d_state: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.ss2d = SS2D(channels, d_state)
        self.drop_path = DropPath(drop_path)
        self.scale1 = nn.Parameter(torch.ones(channels))
        self.norm2 = nn.LayerNorm(channels)
        self.cab = nn.Sequential(
            nn.Conv2d(channels, channels // 3, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(channels // 3, channels, 3, padding=1),
            ChannelAttention(channels),
        )
        self.scale2 = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to the same shape."""
        return self.run(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        x = torch.addcmul(self.drop_path(self.ss2d(self.norm1(x))), self.scale1, x)
        return torch.addcmul(self._attend(x), self.scale2, x)

    def _attend(self, x: Tensor) -> Tensor:
        narrow, activate, widen, attention = self.cab
        squeezed = keep_inputs(lambda x: narrow(self.norm2(x).permute(0, 3, 1, 2)), x)
        return attention(keep_inputs(lambda x: widen(activate(x)), squeezed)).permute(0, 2, 3, 1)


class PatchExpand(nn.Module):
    """Double resolution by pixel shuffle: (B, H, W, C) to (B, 2H, 2W, C/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Expand ``x``."""
        return self.norm(depth_to_space(self.expand(x)))


class Upsample(nn.Module):
    """Double resolution bilinearly: (B, H, W, C) to (B, 2H, 2W, C/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels // 2, bias=False)
        self.norm = nn.LayerNorm(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Upsample ``x``."""
        return self.norm(upsample_bilinear(self.linear(x)))


class FinalUpsample(nn.Module):
    """Bring stride 4 to stride 1 by two bilinear steps, each after a linear layer, then LayerNorm and the head.

    Interpolation is linear in space and changes places with whatever is linear in channels: both linear layers, the
    mean over channels, the scale of the norm and the head. They all come before it, at stride 4. What is left is the
    standard deviation, one number for each pixel, so that no map of C channels at stride 1 or 2 is made or kept.

    Notes
    -----
    Source: Wan et al., Sigma, WACV 2025; the order of computation is ours.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, channels, bias=False)
        self.linear2 = nn.Linear(channels, channels, bias=False)
        self.norm = nn.LayerNorm(channels)
        self.variance = InterpolatedVariance()

    def forward(self, x: Tensor, head: Tensor) -> Tensor:
        """Map (B, H, W, C) to logits (B, num_classes, 4H, 4W) by a head (num_classes, C)."""
        with without_autocast(x.device):
            weight = self.linear2.weight @ self.linear1.weight
        mapped = F.linear(x, weight)
        with without_autocast(x.device):
            return self._classify(mapped.to(weight.dtype), head).to(mapped.dtype)

    def _classify(self, x: Tensor, head: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        projected = upsample_bilinear(upsample_bilinear(F.linear(x, head * self.norm.weight)))
        logits = projected * (self.variance(x) + self.norm.eps).rsqrt() + head @ self.norm.bias
        return logits.permute(0, 3, 1, 2).contiguous()


class CVSSDecoder(nn.Module):
    """From the four fused features to logits.

    Parameters
    ----------
    variant : Variant
        Widths, blocks per stage and states.
    num_classes : int
        Output channels.

    Notes
    -----
    Stochastic depth is a linear ramp over four stages of which the deepest has no blocks, so its share is unused.
    """

    def __init__(self, variant: Variant, num_classes: int) -> None:
        super().__init__()
        depth = variant.decoder_depth
        rates = torch.linspace(0, DROP_PATH, 4 * depth).tolist()
        self.expand = PatchExpand(variant.widths[3])
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    CVSSBlock(variant.widths[level], variant.decoder_d_state, rate)
                    for rate in rates[level * depth : (level + 1) * depth]
                )
            )
            for level in (2, 1, 0)
        )
        self.upsamples = nn.ModuleList(Upsample(variant.widths[level]) for level in (2, 1))
        self.norm = nn.LayerNorm(variant.width)
        self.final_upsample = FinalUpsample(variant.width)
        self.head = nn.Conv2d(variant.width, num_classes, 1, bias=False)
        self.apply(_init_convolution)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map features (B, H/s, W/s, C) at s = 4, 8, 16, 32 to logits (B, num_classes, H, W)."""
        x = self.expand(features[3])
        for level, stage in zip((2, 1, 0), self.stages, strict=True):
            x = stage(x + features[level])
            if level:
                x = self.upsamples[2 - level](x)
        return self.final_upsample(self.norm(x), self.head.weight.flatten(1))


def _init_convolution(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_in")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
