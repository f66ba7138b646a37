"""The file of a part: what was measured, and what became of each item; whole on the disk after every step."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nnunet_cipa.files.json_files import read_object, write_json

WAITING, RUNNING, DONE, FAILED, CUT, LEFT_OUT = "waiting", "running", "done", "failed", "cut", "left out"


@dataclass
class Item:
    """One thing to measure: its name, state, why that is, and the seconds it took with all its warming up."""

    name: str
    state: str = WAITING
    why: str = ""
    seconds: float = 0.0


@dataclass
class Record:
    """A part's items and rows.

    Attributes
    ----------
    path : Path
        The file.
    header : dict
        format, subject, command, machine and versions, as ``BenchReport.write`` has them.
    items : list of Item
        In the order in which they are measured.
    rows : list of dict
        The results.
    """

    path: Path
    header: dict[str, Any]
    items: list[Item]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Record":
        """Read a record back.

        Raises
        ------
        CIPAError
            If there is none.
        """
        content = read_object(path)
        items = [Item(**item) for item in content.pop("items")]
        rows = content.pop("rows")
        return cls(path, content, items, rows)

    def write(self) -> None:
        """Write the file; it appears when it is whole."""
        write_json(self.path, {**self.header, "items": [asdict(item) for item in self.items], "rows": self.rows})

    def settle(self, item: Item, state: str, why: str = "", seconds: float = 0.0) -> None:
        """Set what became of an item, and write."""
        item.state, item.why, item.seconds = state, why, seconds
        self.write()

    def settle_all(self, found: Iterable[str], state: str, why: str) -> None:
        """Set what becomes of all items in some states, and write."""
        states = set(found)
        for item in self.items:
            if item.state in states:
                item.state, item.why = state, why
        self.write()

    def has(self, *states: str) -> bool:
        """Return whether an item is in one of the states."""
        return any(item.state in states for item in self.items)
