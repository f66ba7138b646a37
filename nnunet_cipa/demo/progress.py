"""How far a training is and how long it still takes, read from what nnU-Net prints."""

import re
from dataclasses import dataclass

from nnunet_cipa.processes import Step

_SECONDS = re.compile(r"Epoch time: ([\d.]+) s")
_LOSS = re.compile(r"train_loss (\S+)")
_DICE = re.compile(r"Pseudo dice \[(?:np\.float\d+\()?([\d.]+)\)?\]")


@dataclass(frozen=True)
class TrainingStep(Step):
    """A step that trains for a number of epochs."""

    epochs: int = 0

    def describe(self, log: str) -> str:
        """Return one line on how far a log says it is, and "" before the first epoch has ended and after the last.

        The time that is left follows from the epochs after the first, which compiles the scan.
        """
        ends = list(_SECONDS.finditer(log))
        done = len(ends)
        if not 0 < done < self.epochs:
            return ""
        log = log[: ends[-1].end()]
        seconds = [float(end[1]) for end in ends]
        later = seconds[1:] or seconds
        left = sum(later) / len(later) * (self.epochs - done)
        shown = {"loss": _LOSS.findall(log), "Dice of validation patches": _DICE.findall(log)}
        facts = [f"{name} {found[-1]}" for name, found in shown.items() if found]
        return ", ".join([f"epoch {done} of {self.epochs}", *facts, f"about {_duration(left)} left"])


def training_losses(log: str) -> list[float]:
    """Return the mean training loss of each epoch in a log."""
    return [float(found) for found in _LOSS.findall(log)]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
