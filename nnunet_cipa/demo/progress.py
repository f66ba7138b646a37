"""How far a training is and how long it still takes, read from what nnU-Net prints."""

import re
from dataclasses import dataclass

from nnunet_cipa import trainers
from nnunet_cipa.processes import Step

_SECONDS = re.compile(r"Epoch time: ([\d.]+) s")
_LOSS = re.compile(r"train_loss (\S+)")
_DICE = re.compile(r"Pseudo dice \[(?:np\.float\d+\()?([\d.]+)\)?\]")


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a training of ``epochs`` epochs."""

    epochs: int

    @classmethod
    def of(cls, step: Step) -> "TrainingProgress | None":
        """Return the progress of a step, or None if it trains nothing."""
        program, *words = step.command
        if program != "nnUNetv2_train":
            return None
        trainer = getattr(trainers, words[words.index("-tr") + 1])
        settings = (vars(owner).get("settings", {}) for owner in trainer.__mro__)
        return cls(next(own["num_epochs"] for own in settings if "num_epochs" in own))

    def describe(self, log: str) -> str:
        """Return one line on the epochs in a log, and "" before the first has ended and after the last one.

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
