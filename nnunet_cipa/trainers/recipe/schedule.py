"""The learning rate by iteration."""

import math
from typing import Any

from torch.optim import Optimizer


class CosineSchedule:
    """Cosine annealing by iteration from each group's first rate to a fraction of it, after a linear warm-up.

    nnU-Net calls ``step`` with the epoch at each epoch's start, also after ``--c``; in between the optimizer's own
    steps move the schedule on.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' present rates are the first rates.
    iterations, iterations_per_epoch : int
        Length of the training, and of an epoch.
    final_fraction : float
        Last rate over first rate.
    warmup : int
        Iterations at the start in which the rate rises to the first rate by equal steps.

    Notes
    -----
    Source: Loshchilov and Hutter, SGDR, ICLR 2017, without restarts; settings of arXiv 2503.17261.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        iterations: int,
        iterations_per_epoch: int,
        final_fraction: float = 1e-6,
        warmup: int = 0,
    ) -> None:
        self.optimizer = optimizer
        self.iterations = iterations
        self.iterations_per_epoch = iterations_per_epoch
        self.final_fraction = final_fraction
        self.warmup = warmup
        self.first_rates = [group["lr"] for group in optimizer.param_groups]
        self.iteration = 0
        optimizer.register_step_post_hook(lambda *_: self._move_to(self.iteration + 1))

    @property
    def settings(self) -> dict[str, Any]:
        """What the rate at an iteration follows from, as plain values."""
        return {
            "iterations": self.iterations,
            "iterations_per_epoch": self.iterations_per_epoch,
            "final_fraction": self.final_fraction,
            "warmup": self.warmup,
            "first_rates": self.first_rates,
        }

    def step(self, epoch: int) -> None:
        """Set the rate of the first iteration of ``epoch``."""
        self._move_to(epoch * self.iterations_per_epoch)

    def factor(self, iteration: int) -> float:
        """Return rate over first rate at an iteration."""
        if iteration < self.warmup:
            return (iteration + 1) / self.warmup
        progress = min((iteration - self.warmup) / max(self.iterations - self.warmup, 1), 1)
        return self.final_fraction + (1 - self.final_fraction) * (1 + math.cos(math.pi * progress)) / 2

    def _move_to(self, iteration: int) -> None:
        self.iteration = iteration
        for group, rate in zip(self.optimizer.param_groups, self.first_rates, strict=True):
            group["lr"] = rate * self.factor(iteration)
