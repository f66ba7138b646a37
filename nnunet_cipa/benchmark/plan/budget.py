"""Equal budgets: how long every trainer of a benchmark trains."""

import math
from dataclasses import dataclass

from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Budget:
    """How long every trainer of a benchmark trains.

    nnU-Net's batch and patch come from the plans, so equal iterations on equal plans are equally many training pixels.
    As in nnU-Net, a fifth as many iterations follow each epoch for its online validation, from which nothing is
    learned. There is a checkpoint to continue from after every twentieth of the training, 50 epochs at most.
    """

    epochs: int = 218
    iterations: int = 250

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.iterations < 1:
            raise CIPAError(
                f"a budget of {self.epochs} epochs of {self.iterations} iterations is none; give both as 1 or more"
            )

    @property
    def total(self) -> int:
        """Iterations in all."""
        return self.epochs * self.iterations

    @property
    def val_iterations(self) -> int:
        """Iterations of the online validation after an epoch."""
        return max(1, self.iterations // 5)

    @property
    def save_every(self) -> int:
        """Epochs between checkpoints, which is what a killed training repeats at most."""
        return min(50, math.ceil(self.epochs / 20))
