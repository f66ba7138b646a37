"""SIM, the slice interaction module, of one modality: on its slices, and on their features."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from nnunet_cipa.network.sim.branches import BRANCHES
from nnunet_cipa.network.sim.on_features import centre


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
        fixed = [BRANCHES[name].weight for name in self.branches]
        self.weights: nn.Parameter | list[float] = nn.Parameter(torch.tensor(fixed)) if learnable else fixed

    @property
    def initial_gain(self) -> float:
        """What a new module multiplies its input by."""
        return 1 + sum(BRANCHES[name].weight * BRANCHES[name].initial_factor for name in self.branches)

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

    def __init__(self, slices: int, branches: Iterable[str] = tuple(BRANCHES), learnable: bool = False) -> None:
        super().__init__({name: BRANCHES[name].on_slices(slices) for name in branches}, learnable)


class EncoderSIM(SIM):
    """SIM on the C feature maps of a stage: (B, H, W, C) to the same shape.

    Parameters
    ----------
    channels : int
        C.
    branches : iterable of str
        The branches that are switched on.
    learnable : bool
        Learn the weights of the branches.
    """

    def __init__(self, channels: int, branches: Iterable[str] = tuple(BRANCHES), learnable: bool = False) -> None:
        super().__init__({name: BRANCHES[name].on_maps(channels) for name in branches}, learnable)


class FeatureSIM(SIM):
    """SIM on the features of a window: (B, S, H, W, C) to the centre slice's feature, (B, H, W, C).

    The centre slice's feature is what is kept; the branches look at all slices.

    Parameters
    ----------
    slices : int
        S.
    channels : int
        C.
    branches : iterable of str
        The branches that are switched on.
    learnable : bool
        Learn the weights of the branches.
    """

    def __init__(
        self, slices: int, channels: int, branches: Iterable[str] = tuple(BRANCHES), learnable: bool = False
    ) -> None:
        super().__init__({name: BRANCHES[name].on_features(slices, channels) for name in branches}, learnable)

    def kept(self, x: Tensor) -> Tensor:
        """Return the centre slice's feature."""
        return centre(x)
