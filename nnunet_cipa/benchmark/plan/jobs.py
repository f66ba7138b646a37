"""One fold of one model: its command, its files, and how far it is."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from nnunet_cipa.processes.commands import Step

FINAL, LATEST, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "best"))


class Action(Enum):
    """What remains of a fold."""

    TRAIN = "train"
    CONTINUE = "continue"
    VALIDATE = "validate"
    NONE = "done"


@dataclass(frozen=True)
class Job:
    """The training and validation of one fold.

    Attributes
    ----------
    model : str
        The model's key.
    fold : int
        The fold.
    folder : Path
        Where nnU-Net puts its results.
    records : Path
        Folder of the log and the record of the model's jobs.
    command : tuple of str
        nnUNetv2_train with all that is always there.
    first_start : tuple of str
        What follows when the training is new.
    variables : dict
        What its environment has beyond the caller's.
    seed : int or None
        The seed of the training.
    probabilities : bool
        Whether the probabilities of its validation cases are wanted.
    """

    model: str
    fold: int
    folder: Path
    records: Path
    command: tuple[str, ...]
    first_start: tuple[str, ...]
    variables: Mapping[str, str] = field(hash=False)
    seed: int | None = None
    probabilities: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.model} fold {self.fold}"

    @property
    def log(self) -> Path:
        """What its commands print, one after the other."""
        return self.records / f"fold_{self.fold}.log"

    @property
    def record(self) -> Path:
        """What was run when, as JSON."""
        return self.records / f"fold_{self.fold}.json"

    def next_action(self) -> Action:
        """Return what remains to be done.

        A checkpoint that was not written to its end, as a kill leaves it, counts as none.
        """
        if is_whole(self.folder / FINAL):
            return Action.NONE if self._is_validated() else Action.VALIDATE
        return Action.CONTINUE if any(is_whole(self.folder / name) for name in (LATEST, BEST)) else Action.TRAIN

    def _is_validated(self) -> bool:
        validation = self.folder / "validation"
        try:
            summary = json.loads((validation / "summary.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        cases = summary.get("metric_per_case", []) if isinstance(summary, dict) else []
        return not self.probabilities or len(list(validation.glob("*.npz"))) >= len(cases)

    def step(self, action: Action) -> Step:
        """Return the command of an action."""
        more = {Action.TRAIN: self.first_start, Action.CONTINUE: ("--c",), Action.VALIDATE: ("--val",)}[action]
        return Step(self.name, (*self.command, *more), self.variables)

    def set_broken_aside(self) -> None:
        """Rename checkpoints that were not written to their end, which nnU-Net would try to load."""
        for path in (self.folder / name for name in (FINAL, LATEST, BEST)):
            if path.exists() and not is_whole(path):
                path.replace(path.with_name(f"{path.name}.broken"))


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is there to its end: torch writes a zip archive, whose directory comes last."""
    return checkpoint.is_file() and zipfile.is_zipfile(checkpoint)
