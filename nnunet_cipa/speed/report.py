"""Results with what they depend on: as a table for people, as JSON for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.pages.tables import render_table
from nnunet_cipa.speed.machine import Facts

FORMAT = "nnunet-cipa bench 1"


@dataclass(frozen=True)
class BenchRow:
    """One measurement.

    Attributes
    ----------
    values : dict
        Settings and figures by name, in full precision, for JSON.
    cells : sequence of str
        What the table shows.
    """

    values: dict[str, Any]
    cells: Sequence[str]


@dataclass(frozen=True)
class BenchReport:
    """Measurements of one process.

    Attributes
    ----------
    subject : str
        "scan", "network" or "patient".
    command : str
        What measures the same again.
    machine, versions : dict
        As ``measured_machine`` and ``bench_versions`` tell them.
    header : sequence of str
        Of the table.
    rows : sequence of BenchRow
        The measurements.
    """

    subject: str
    command: str
    machine: Facts
    versions: Facts
    header: Sequence[str]
    rows: Sequence[BenchRow]

    def as_text(self) -> str:
        """Return machine, versions and command as a list, then the table, all in Markdown."""
        found = ", ".join(f"{name} {number}" for name, number in self.versions.items() if number)
        facts = f"- machine: {describe(self.machine)}\n- versions: {found}\n- command: `{self.command}`\n"
        return f"{facts}\n{render_table(self.header, [row.cells for row in self.rows])}"

    def write(self, path: Path) -> None:
        """Write all but the table as JSON; the file appears when it is whole."""
        content = {
            "format": FORMAT,
            "subject": self.subject,
            "command": self.command,
            "machine": self.machine,
            "versions": self.versions,
            "rows": [finite(row.values) for row in self.rows],
        }
        with replacing(path) as file:
            file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def describe(machine: Mapping[str, Any]) -> str:
    """Describe a machine in a line."""
    memory = machine["memory_bytes"]
    gib = [f"{memory / 2**30:.0f} GiB"] if memory else []
    gpu = [machine["gpu"]] if machine["device"] == "cuda" else []
    copies = f"copies at {machine['copy_bytes_per_second'] / 1e9:.1f} GB/s"
    cpu = f"{machine['processor']} ({machine['instructions']})"
    return ", ".join([cpu, f"{machine['cores']} cores", threads(machine), *gib, *gpu, copies])


def threads(machine: Mapping[str, Any]) -> str:
    """Return how many threads compute."""
    return f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''}"


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put None for numbers that are not finite, which JSON does not have."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }
