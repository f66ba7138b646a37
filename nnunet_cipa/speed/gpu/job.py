"""The task of a part's process: device, time and files."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Rows = Iterator[dict[str, Any]]
# Name of an item -> what measures it; a string in place of a function says why the item is left out.
Items = Mapping[str, Callable[[], Rows] | str]


@dataclass(frozen=True)
class Job:
    """One part of one run.

    Attributes
    ----------
    part : str
        Its name.
    out : str
        Folder of the results.
    device : str
        Type of the device; sizes are tiny on a CPU.
    seconds : int
        Wall time of the whole run.
    until : float
        When the part ends, in seconds since the epoch.
    slices : str
        File of slices to train on.
    """

    part: str
    out: str
    device: str
    seconds: int
    until: float
    slices: str

    @property
    def tiny(self) -> bool:
        """Whether this is a rehearsal."""
        return self.device == "cpu"

    @property
    def command(self) -> str:
        """What measures the same again, without paths."""
        return f"nnunet-cipa bench gpu OUT --seconds {self.seconds} --device {self.device}"

    def dumped(self) -> str:
        """Return it as one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> "Job":
        """Read it back."""
        return cls(**json.loads(text))
