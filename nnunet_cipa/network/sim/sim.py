"""SIM, the slice interaction module, on the neighbouring slices of one modality's input."""

from collections.abc import Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

WEIGHTS = {"channel": 0.3, "spatial": 0.3, "relation": 0.4}
BRANCHES = tuple(WEIGHTS)
_HIDDEN = 8


class SIM(nn.Module):
    """Weighted residual x + alpha * channel(x) + beta * spatial(x) + gamma * relation(x), which keeps the input.

    The last layer of every branch starts at zero. Both attentions then weigh everything by one half and the relation
    adds nothing, so a new module is a multiplication by ``initial_gain``.

    Parameters
    ----------
    branches : mapping of str to nn.Module
        Any of "channel" ("what"), "spatial" ("where") and "relation"; one that is not there is switched off.
    learnable : bool
        Learn alpha, beta and gamma, starting from 0.3, 0.3 and 0.4, instead of keeping them there.

    Notes
    -----
    Source: arXiv 2509.22841. Its equations are not public; the documentation says which reading this is, and why.
    """

    def __init__(self, branches: Mapping[str, nn.Module], learnable: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(dict(branches))
        fixed = [WEIGHTS[name] for name in self.branches]
        self.weights: nn.Parameter | list[float] = nn.Parameter(torch.tensor(fixed)) if learnable else fixed

    @property
    def initial_gain(self) -> float:
        """What a new module multiplies its input by."""
        return 1 + sum(WEIGHTS[name] / 2 for name in self.branches if name != "relation")

    def forward(self, x: Tensor) -> Tensor:
        """Let the slices of ``x`` interact; the shapes are those of the subclass."""
        out = self.kept(x)
        for weight, branch in zip(self.weights, self.branches.values(), strict=True):
            out = out + weight * branch(x)
        return out

    def kept(self, x: Tensor) -> Tensor:
        """Return what the branches are added to."""
        return x


class InputSIM(SIM):
    """SIM with the S slices of a modality as channels: (B, S, H, W) to the same shape.

    Parameters
    ----------
    slices : int
        S.
    branches : iterable of str
        The branches that are switched on.
    learnable : bool
        Learn the weights of the branches.
    """

    def __init__(self, slices: int, branches: Iterable[str] = BRANCHES, learnable: bool = False) -> None:
        makers = {
            "channel": lambda: SliceAttention(slices),
            "spatial": SpatialAttention,
            "relation": lambda: SliceRelation(slices),
        }
        super().__init__({name: makers[name]() for name in branches}, learnable)


class SliceAttention(nn.Module):
    """Channel attention, "what": weighs each slice by its average and its maximum, both through the same two layers.

    Source: the channel attention of CBAM, Woo et al., ECCV 2018.
    """

    def __init__(self, slices: int) -> None:
        super().__init__()
        self.expand = nn.Linear(slices, _HIDDEN)
        self.reduce = zero_init(nn.Linear(_HIDDEN, slices))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        scores = self._score(x.mean((2, 3))) + self._score(x.amax((2, 3)))
        return x * scores.sigmoid()[:, :, None, None]

    def _score(self, pooled: Tensor) -> Tensor:
        return self.reduce(nn.functional.silu(self.expand(pooled)))


class SpatialAttention(nn.Module):
    """Spatial attention, "where": weighs each pixel by a convolution over average and maximum of all channels.

    Source: the spatial attention of CBAM, Woo et al., ECCV 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = zero_init(nn.Conv2d(2, 1, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        return x * self.weigh(x.mean(1), x.amax(1))

    def weigh(self, average: Tensor, maximum: Tensor) -> Tensor:
        """Return the weights (B, 1, H, W) for two maps (B, H, W)."""
        return self.conv(torch.stack((average, maximum), dim=1)).sigmoid()


class SliceRelation(nn.Module):
    """Slice relation: a depthwise convolution finds structures in each slice, a pointwise one relates the slices."""

    def __init__(self, slices: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(slices, slices, 3, padding=1, groups=slices)
        self.pointwise = zero_init(nn.Conv2d(slices, slices, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, S, H, W) to the same shape."""
        return cast("Tensor", self.pointwise(nn.functional.gelu(self.depthwise(x))))


def zero_init(layer: nn.Module) -> nn.Module:
    """Set all parameters of a layer to zero, and return it."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
