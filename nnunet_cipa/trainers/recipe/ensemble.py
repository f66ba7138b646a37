"""The loss of networks with an output of each modality."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nnunet_cipa.network.comparators.ensemble import TrainingOutput


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
