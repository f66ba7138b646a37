"""Networks with an output of each modality: one pass for both, their ensemble, and the loss of all outputs."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES
from nnunet_cipa.network.comparators.comparator import Comparator
from nnunet_cipa.network.layers.segformer_head import SegFormerHead

HEAD_WIDTH = 256


class TrainingOutput(NamedTuple):
    """All outputs of a network in training."""

    logits: tuple[Tensor, ...]
    """Logits (B, num_classes, H, W) of the ensemble, CT and PET; the loss is the sum of theirs."""
    penalty: Tensor
    """A number to add to the loss."""


class EnsembleLoss(nn.Module):
    """The loss of each output, added up, and the penalty that the network adds; in evaluation that of the ensemble.

    Parameters
    ----------
    loss : callable
        Loss of logits and target.
    """

    def __init__(self, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: Tensor | TrainingOutput, target: Tensor) -> Tensor:
        """Return one number."""
        if isinstance(output, Tensor):
            return self.loss(output, target)
        losses = [self.loss(logits, target) for logits in output.logits]
        return torch.stack([*losses, output.penalty]).sum()


class OfEachModality(nn.ModuleDict):
    """A layer for CT and one for PET, for batches of CT's samples with PET's after them.

    Parameters
    ----------
    make : callable
        Makes one of the two.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__({name: make() for name in MODALITIES})

    def forward(self, pair: Tensor) -> Tensor:
        """Map (2B, ...) to (2B, ...)."""
        return torch.cat([layer(half) for layer, half in zip(self.values(), pair.chunk(2), strict=True)])


def separate_norms(network: nn.Module, *, eps: float) -> None:
    """Give each modality norms of its own with that eps, that start as the network's; everything else stays shared."""
    shared = [module for module in network.modules() if not isinstance(module, OfEachModality)]
    for parent in shared:
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.LayerNorm | nn.BatchNorm2d):
                child.eps = eps
                setattr(parent, name, OfEachModality(partial(deepcopy, child)))


def shared_name(name: str) -> str:
    """Return the name that a tensor had before ``separate_norms``."""
    return name.replace(".CT.", ".").replace(".PET.", ".")


def swap_modalities(pair: Tensor) -> Tensor:
    """Put PET's half of a batch before CT's."""
    ct, pet = pair.chunk(2)
    return torch.cat((pet, ct))


def make_head(widths: Sequence[int], num_classes: int) -> SegFormerHead:
    """Make the decoder for both modalities, which starts as PyTorch's but for the convolution that fuses the stages."""
    head = SegFormerHead(widths, HEAD_WIDTH, num_classes)
    for layer in head.fuse:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return head


class WeightedMean(nn.Module):
    """Mean of the modalities' logits with two learned weights; no gradient goes to the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(2))

    def forward(self, pair: Tensor) -> Tensor:
        """Map logits (2B, num_classes, H, W) to (B, num_classes, H, W)."""
        ct, pet = pair.detach().chunk(2)
        weights = self.alpha.softmax(0)
        return weights[0] * ct + weights[1] * pet


class EnsembleOfModalities(Comparator):
    """A network that segments CT and PET each by itself, with layers that exchange between them.

    In evaluation it gives the logits of the ensemble, in training a ``TrainingOutput``. A subclass has an encoder and
    a decoder, for which both modalities are one batch, CT's samples before PET's.

    Parameters
    ----------
    *arguments, **more
        As for ``PETCTNetwork``.
    """

    decoder: nn.Module

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.ensemble = WeightedMean()

    @abstractmethod
    def penalty(self) -> Tensor:
        """Return what the method adds to the loss of the pass before."""

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W); in training to three after one another.

        These are (B, 3 * num_classes, H, W): of the ensemble, CT and PET.
        """
        pair = self.decoder(self.encoder(torch.cat(self.images(x))))
        mean = self.ensemble(pair)
        logits = torch.cat((mean, *pair.chunk(2)), dim=1) if self.training else mean
        return F.interpolate(logits, x.shape[-2:], mode="bilinear", align_corners=False)

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:  # type: ignore[override]
        """Compute the logits of the ensemble, or in training all outputs; ``x`` is as for ``PETCTNetwork``."""
        logits = super().forward(x)
        if not self.training:
            return logits
        return TrainingOutput(logits.chunk(3, dim=1), self.penalty())
