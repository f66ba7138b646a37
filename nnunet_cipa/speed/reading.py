"""Reports read back, from files that may be anything."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.speed.report import FORMAT

# What is a number above zero in every row.
_SIZES: Mapping[str, tuple[str, ...]] = {
    "scan": ("batch", "channels", "length", "d_state"),
    "network": ("batch", "height", "width", "slices"),
}
_TIMES = ("seconds", "fastest", "slowest")
_MACHINE = {"processor", "threads", "gpu", "device"}


def read_report(path: Path) -> dict[str, Any]:
    """Read what ``BenchReport.write`` wrote.

    Raises
    ------
    CIPAError
        If the file is something else, or a figure is missing or no number above zero.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CIPAError(
            f"{path}: no JSON: {error}; give files of 'bench scan --json' or 'bench network --json'"
        ) from error
    problem = _problem(content)
    if problem:
        raise CIPAError(f"{path}: {problem}; give files of 'bench scan --json' or 'bench network --json'")
    found: dict[str, Any] = content
    return found


def _problem(content: Any) -> str:
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("subject") not in tuple(_SIZES):
        return f"not in the format {FORMAT!r}"
    for name, least in (("machine", _MACHINE), ("versions", set())):
        if not isinstance(content.get(name), dict) or not least <= set(content[name]):
            return f"{name} is not described"
    rows = content.get("rows")
    if not isinstance(rows, list) or not rows:
        return "no rows"
    problems = (_row_problem(row, content["subject"]) for row in rows)
    return next((f"row {index}: {problem}" for index, problem in enumerate(problems) if problem), "")


def _row_problem(row: Any, subject: str) -> str:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("name", "pass")):
        return "no name or no pass"
    if row.get("variant") is not None and not isinstance(row["variant"], str):
        return f"variant is {row['variant']!r}, which is not a name"
    for name in _SIZES[subject]:
        if not isinstance(row.get(name), int) or not _is_above_zero(row[name]):
            return f"{name} is {row.get(name)!r}, which is not a whole number above zero"
    for name in _TIMES:
        if not _is_above_zero(row.get(name)):
            return f"{name} is {row.get(name)!r}, which is not a number above zero"
    peak = row.get("peak_bytes")
    return "" if peak is None or _is_finite(peak) else f"peak_bytes is {peak!r}, which is not a number"


def _is_above_zero(value: Any) -> bool:
    return _is_finite(value) and value > 0


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
