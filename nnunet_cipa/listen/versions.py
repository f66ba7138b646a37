"""A version of a study: the objects that it had when it was predicted, the result, and how far it got."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Final, Literal

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import flush_folder
from nnunet_cipa.files.json_files import read_object, write_json

PREDICTING: Final = "predicting"
PREDICTED: Final = "predicted"
SENT: Final = "sent"
FAILED: Final = "failed"
Stage = Literal["predicting", "predicted", "sent", "failed"]


@dataclass(frozen=True)
class State:
    """How far a version got; content of its state.json.

    Attributes
    ----------
    stage
        ``predicting`` until there is a result; ``predicted`` until all destinations have it, for ever where there are
        none; ``sent``, or ``failed``.
    inputs
        SHA-256 of the objects.
    begun
        How often the prediction was begun and not ended.
    reason
        Why it failed, in one line.
    warnings
        What a person should look at, a sentence each.
    since
        When the result was there, or was to be sent again: seconds since 1970.
    stored
        Files of the result that a destination has stored, by destination.
    refused
        Why a destination was given up, by destination.
    """

    stage: Stage
    inputs: str
    begun: int = 0
    reason: str = ""
    warnings: tuple[str, ...] = ()
    since: float = 0.0
    stored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """A folder STUDY/NNNN of the spool."""

    folder: Path

    @property
    def name(self) -> str:
        """Name in the log: the StudyInstanceUID and the number."""
        return f"study {self.study_uid} version {int(self.folder.name)}"

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return self.folder.parent.name

    @property
    def inputs(self) -> Path:
        """Folder of the objects, which never change."""
        return self.folder / "inputs"

    @property
    def result(self) -> Path:
        """Folder of what was made; it is there only when it is whole."""
        return self.folder / "result"

    @property
    def unfinished(self) -> Path:
        """Folder in which the result is made."""
        return self.folder / "unfinished"

    @property
    def log(self) -> Path:
        """What the prediction printed."""
        return self.folder / "predict.log"

    @property
    def state_file(self) -> Path:
        """Where its state is kept."""
        return self.folder / "state.json"

    def read(self) -> State:
        """Read the state.

        Raises
        ------
        CIPAError
            If the file is not one.
        """
        remedy = f"remove {self.folder} and send the study again"
        content = read_object(self.state_file, remedy)
        kinds = {"stage": str, "inputs": str, "begun": int, "reason": str, "warnings": list, "since": float}
        kinds |= {"stored": dict, "refused": dict}
        if set(content) != {one.name for one in fields(State)} or any(
            not isinstance(content[name], kind) for name, kind in kinds.items()
        ):
            raise CIPAError(f"{self.state_file}: is not the state of a study; {remedy}")
        content["warnings"] = tuple(content["warnings"])
        content["stored"] = {destination: tuple(files) for destination, files in content["stored"].items()}
        return State(**content)

    def write(self, state: State) -> None:
        """Keep the state."""
        write_json(self.state_file, asdict(state))

    def finish(self) -> None:
        """Put what was made on the disk, and under its name."""
        flush_tree(self.unfinished)
        self.unfinished.rename(self.result)
        flush_folder(self.folder)

    def clear(self) -> None:
        """Remove what a prediction left that did not end."""
        if self.unfinished.exists():
            shutil.rmtree(self.unfinished)

    def files(self) -> list[Path]:
        """Return the DICOM objects of the result."""
        return sorted(self.result.rglob("*.dcm"))

    def key(self, path: Path) -> str:
        """Return what a file of the result is called in the state."""
        return path.relative_to(self.result).as_posix()


def flush_tree(folder: Path) -> None:
    """Put all files and folders in a folder on the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("rb") as file:
                os.fsync(file.fileno())
        flush_folder(Path(place))
