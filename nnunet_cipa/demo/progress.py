"""Progress of a training and the time left, read from what nnU-Net prints."""

import math
from dataclasses import dataclass

from nnunet_cipa.nnunet.logs import read_epochs
from nnunet_cipa.processes.commands import Step


@dataclass(frozen=True)
class TrainingStep(Step):
    """A step that trains for a number of epochs."""

    epochs: int = 0

    def describe(self, log: str) -> str:
        """Return one line on how far a log says it is, and "" before the first epoch has ended and after the last.

        The time that is left follows from the epochs after the first, which compiles the scan.
        """
        ended = [epoch for epoch in read_epochs(log).values() if not math.isnan(epoch.seconds)]
        if not 0 < len(ended) < self.epochs:
            return ""
        later = [epoch.seconds for epoch in ended[1:] or ended]
        left = sum(later) / len(later) * (self.epochs - len(ended))
        facts = [f"epoch {len(ended)} of {self.epochs}", f"loss {ended[-1].train_loss}"]
        if not math.isnan(ended[-1].pseudo_dice):
            facts.append(f"Dice of validation patches {ended[-1].pseudo_dice}")
        return ", ".join([*facts, f"about {_duration(left)} left"])


def training_losses(log: str) -> list[float]:
    """Return the mean training loss of each epoch in a log."""
    return [epoch.train_loss for epoch in read_epochs(log).values()]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
