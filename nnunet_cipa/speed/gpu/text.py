"""The report of a run: a table of each part, and the items that are not in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnunet_cipa.pages.tables import render_table
from nnunet_cipa.speed.gpu.record import CUT, DONE, FAILED, LEFT_OUT, Record
from nnunet_cipa.speed.report import describe

_Column = tuple[str, Callable[[Mapping[str, Any]], str]]
_LINES = 25  # of a part's table; the file has all


def _plain(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: str(row[key])


def _digits(key: str, form: str = ".4g") -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "n/a" if row[key] is None else format(row[key], form)


def _memory(row: Mapping[str, Any]) -> str:
    return "n/a" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 2**20:,.0f} MiB"


def _worst(row: Mapping[str, Any]) -> str:
    """Return the error that is nearest to what is allowed, or farthest beyond."""

    def part(name: str) -> float:
        error = row["errors"][name]
        return math.inf if error is None else error / row["allowed"][name]

    name = max(row["errors"], key=part)
    error = row["errors"][name]
    return f"{'not finite' if error is None else f'{error:.1e}'} of {row['allowed'][name]:.1e}, {name}"


_COLUMNS: Mapping[str, Sequence[_Column]] = {
    "agreement": (
        ("kernel", _plain("kernel")), ("backend", _plain("name")), ("sizes", _plain("sizes")),
        ("type", _plain("dtype")), ("largest error", _worst),
        ("agrees", lambda row: "yes" if row["agrees"] else "NO"),
    ),
    "scan": (
        ("backend", _plain("name")),
        ("b, d, l, n", lambda row: ", ".join(str(row[key]) for key in ("batch", "channels", "length", "d_state"))),
        ("pass", _plain("pass")), ("median s", _digits("seconds")), ("memory", _memory),
        ("states/s", _digits("states_per_second", ".3g")), ("of copy", _digits("fraction_of_copy_bandwidth", ".3g")),
    ),
    "network": (
        ("network", _plain("name")), ("patch", lambda row: f"{row['height']} x {row['width']}"),
        ("batch", _plain("batch")), ("pass", _plain("pass")), ("median s", _digits("seconds")), ("memory", _memory),
    ),
    "profile": (
        ("kernel", lambda row: row["name"][:80]), ("ms", lambda row: f"{row['seconds'] * 1e3:.3f}"),
        ("share", _digits("share", ".1%")), ("calls", _digits("calls")),
    ),
    "training": (
        ("iteration", _plain("iteration")), ("loss", _digits("loss")),
        ("s per iteration", _digits("seconds_per_iteration")),
    ),
}  # fmt: skip


def as_text(records: Sequence[Record]) -> str:
    """Return machine, versions, and of each part its table and what is not in it, all in Markdown."""
    return "\n\n".join(
        [
            *[_facts(record) for record in records if "machine" in record.header][:1],
            *(_part(record) for record in records),
        ]
    )


def disagreements(records: Sequence[Record]) -> list[str]:
    """Name the calls that do not agree with the reference."""
    return [
        f"{row['kernel']} {row['name']} {row['sizes']} {row['dtype']}"
        for record in records if record.header["subject"] == "agreement"
        for row in record.rows if not row["agrees"]
    ]  # fmt: skip


def _facts(record: Record) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record.header["versions"].items() if number)
    machine = describe(record.header["machine"])
    return f"- machine: {machine}\n- versions: {versions}\n- command: `{record.header['command']}`"


def _part(record: Record) -> str:
    subject, rows = record.header["subject"], record.rows
    done = sum(item.state == DONE for item in record.items)
    lines = [f"## {subject}: {done} of {len(record.items)} done"]
    columns = _COLUMNS[subject]
    shown = rows[:_LINES] if subject == "profile" else rows[-_LINES:] if subject == "training" else rows
    if shown:
        cells = [[cell(row) for _, cell in columns] for row in shown]
        lines.append(render_table([title for title, _ in columns], cells))
    missing = [f"- {item.name}: {item.state}: {item.why}" for item in record.items
               if item.state in {FAILED, CUT, LEFT_OUT}]  # fmt: skip
    return "\n\n".join([*lines, *(["\n".join(missing)] if missing else [])])
