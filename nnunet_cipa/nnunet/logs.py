"""Training curves, read from the logs that nnU-Net writes."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

LOGS = "training_log_*.txt"
_NUMBER = r"(-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf)|nan)"
_EPOCH = re.compile(r"Epoch (\d+)\s*$")
_LINES = {
    "train_loss": re.compile(rf"train_loss {_NUMBER}\s*$"),
    "val_loss": re.compile(rf"val_loss {_NUMBER}\s*$"),
    "pseudo_dice": re.compile(r"Pseudo dice \[(.*)\]\s*$"),
    "seconds": re.compile(rf"Epoch time: {_NUMBER} s\s*$"),
}
_SCALAR = re.compile(rf"(?:np\.float\d+\()?{_NUMBER}\)?$")


@dataclass(frozen=True)
class Epoch:
    """What nnU-Net logged of one epoch; NaN where a line is missing.

    Attributes
    ----------
    number : int
        From 0.
    train_loss, val_loss : float
        Means over the epoch.
    pseudo_dice : float
        Mean over the labels, of random patches of the validation cases.
    seconds : float
        Duration.
    """

    number: int
    train_loss: float = math.nan
    val_loss: float = math.nan
    pseudo_dice: float = math.nan
    seconds: float = math.nan


@dataclass(frozen=True)
class Curve:
    """The epochs of a training, in their order."""

    epochs: tuple[Epoch, ...]

    @property
    def seconds(self) -> float:
        """Duration of the training in seconds, without validation of whole cases."""
        return math.fsum(epoch.seconds for epoch in self.epochs if not math.isnan(epoch.seconds))


def read_curve(fold: Path) -> Curve:
    """Read the training logs of a fold; epochs that a later log repeats count as it has them.

    Parameters
    ----------
    fold : Path
        ``TRAINER__PLANS__CONFIGURATION/fold_K``. Without a log the curve has no epochs.
    """
    epochs: dict[int, Epoch] = {}
    for log in sorted(fold.glob(LOGS)):
        found = read_epochs(log.read_text(encoding="utf-8", errors="replace"))
        if found:
            # a training that begins again or goes on from an older checkpoint replaces what came after that
            epochs = {number: epoch for number, epoch in epochs.items() if number < min(found)} | found
    return Curve(tuple(epochs[number] for number in sorted(epochs)))


def read_epochs(text: str) -> dict[int, Epoch]:
    """Return the epochs of a log by their numbers; one that was cut off before its loss is left out."""
    values: dict[int, dict[str, float]] = {}
    current: dict[str, float] | None = None
    for line in text.splitlines():
        start = _EPOCH.search(line)
        if start:
            current = values.setdefault(int(start[1]), {})
        elif current is not None:
            for name, pattern in _LINES.items():
                match = pattern.search(line)
                if match:
                    current[name] = _mean(match[1])
    return {number: Epoch(number, **found) for number, found in values.items() if "train_loss" in found}


def _mean(text: str) -> float:
    """Mean of numbers that NumPy printed, as in ``np.float32(0.4), np.float32(0.5)``; nan is not counted."""
    matches = (_SCALAR.match(part.strip()) for part in text.split(","))
    numbers = [float(match[1]) for match in matches if match]
    defined = [number for number in numbers if not math.isnan(number)]
    return math.fsum(defined) / len(defined) if defined else math.nan
