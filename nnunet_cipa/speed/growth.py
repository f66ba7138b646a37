"""Growth of cost: the measurements that differ in one size alone, as lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nnunet_cipa.speed.report import threads

# Of a row's sizes, those that a panel may have as its axis: title of the axis -> how to read it.
AXES: Mapping[str, Mapping[str, str]] = {
    "scan": {"length": "steps", "batch": "batch", "channels": "channels", "d_state": "states"},
    "network": {"pixels": "pixels of a slice", "batch": "batch", "slices": "slices"},
}


@dataclass(frozen=True)
class Point:
    """One measurement: seconds (median, fastest, slowest) and the peak of memory in bytes, if known."""

    x: int
    seconds: float
    fastest: float
    slowest: float
    peak_bytes: float | None


@dataclass(frozen=True)
class Line:
    """Measurements of one thing that differ in one size alone.

    Attributes
    ----------
    name : str
        Backend or network.
    kind : str
        The pass.
    settings : dict
        All else that was the same along the line, in words by name.
    points : tuple of Point
        At least two, by x.
    """

    name: str
    kind: str
    settings: Mapping[str, str]
    points: tuple[Point, ...]


def growth(reports: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Line]]:
    """Sort the rows of reports to lines.

    Parameters
    ----------
    reports : iterable of dict
        As ``read_report`` returns them.

    Returns
    -------
    dict
        (subject, size) -> lines along that size; no entry where nothing was measured at two values of it. What was
        measured twice on one machine with the same versions counts as in the last report.
    """
    lines: dict[tuple[str, str], dict[Any, dict[int, Point]]] = {}
    for report in reports:
        subject, where = report["subject"], _where(report)
        for row in report["rows"]:
            sizes = _sizes(subject, row)
            for axis, x in sizes.items():
                if axis not in AXES[subject]:
                    continue
                settings = {name: _words(subject, name, row) for name in sizes if name != axis} | where
                if row.get("variant"):
                    settings["variant"] = row["variant"]
                key = (row["name"], row["pass"], tuple(settings.items()))
                point = Point(x, row["seconds"], row["fastest"], row["slowest"], row.get("peak_bytes"))
                lines.setdefault((subject, axis), {}).setdefault(key, {})[x] = point
    found = {
        panel: [
            Line(name, kind, dict(settings), tuple(points[x] for x in sorted(points)))
            for (name, kind, settings), points in by_key.items()
            if len(points) > 1
        ]
        for panel, by_key in lines.items()
    }
    return {
        panel: found[panel] for panel in ((s, axis) for s, axes in AXES.items() for axis in axes) if found.get(panel)
    }


def _sizes(subject: str, row: Mapping[str, Any]) -> dict[str, int]:
    if subject == "network":
        return {"pixels": row["height"] * row["width"], "batch": row["batch"], "slices": row["slices"]}
    return {name: row[name] for name in AXES["scan"]}


def _words(subject: str, name: str, row: Mapping[str, Any]) -> str:
    if name == "pixels":
        return f"{row['height']} x {row['width']}"
    if name == "batch":
        return f"batch {row[name]}"
    title = AXES[subject][name]
    return f"{row[name]} {title if row[name] != 1 else title.removesuffix('s')}"


def _where(report: Mapping[str, Any]) -> dict[str, str]:
    machine = report["machine"]
    device = machine["gpu"] if machine["device"] == "cuda" else f"{machine['processor']}, {threads(machine)}"
    versions = ", ".join(f"{name} {number}" for name, number in sorted(report["versions"].items()) if number)
    return {"device": str(device), "versions": versions}
