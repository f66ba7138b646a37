"""The table that says what became of each tensor."""

from collections import Counter
from dataclasses import dataclass, field

LOADED, RESAMPLED, CONVERTED, INITIAL, UNUSED = "loaded", "resampled", "converted", "initial", "unused"


@dataclass(frozen=True)
class Row:
    """One tensor: its name in the network (or, if unused, in the file), what was done, and why."""

    name: str
    status: str
    shape: tuple[int, ...]
    reason: str = ""


@dataclass
class LoadTable:
    """What was loaded, resampled, converted, left at its initial value or not used, tensor by tensor."""

    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, status: str, shape: tuple[int, ...], reason: str = "") -> None:
        """Add a row."""
        self.rows.append(Row(name, status, tuple(shape), reason))

    def replace(self, name: str, status: str, reason: str = "") -> None:
        """Say something else about a tensor; what its row said of a conversion before stays in front."""
        for index, row in enumerate(self.rows):
            if row.name == name:
                before = f"{row.reason}; " if row.status == CONVERTED else ""
                self.rows[index] = Row(name, status, row.shape, before + reason)
                return
        raise KeyError(name)

    def names(self, status: str) -> list[str]:
        """Return the names of all tensors with that status."""
        return [row.name for row in self.rows if row.status == status]

    def __str__(self) -> str:
        """Return a row for each tensor that was not simply loaded, and the counts."""
        counts = Counter(row.status for row in self.rows)
        special = [row for row in self.rows if row.status != LOADED]
        width = max((len(row.name) for row in special), default=0)
        lines = [f"{row.name:<{width}}  {row.status:<9}  {row.shape!s:<16}  {row.reason}" for row in special]
        total = ", ".join(f"{count} {status}" for status, count in counts.items())
        return "\n".join([*lines, f"tensors: {total}"])
