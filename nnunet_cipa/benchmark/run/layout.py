"""Layout of the records of a benchmark and of its jobs, for those who read them again."""

from collections.abc import Callable
from typing import Any

RECORD = "benchmark.json"


def is_record(content: Any) -> bool:
    """Whether this is laid out as benchmark.json; parts may be missing."""
    return (
        isinstance(content, dict)
        and _is_dict(content.get("models", {}), _is_model)
        and _is_list(content.get("runs", []), _is_run)
        and _is_list(content.get("folds", []), lambda fold: type(fold) is int and fold >= 0)
        and _is_dict(content.get("files", {}), lambda digest: isinstance(digest, str))
        and isinstance(content.get("seeds", {}), dict)
    )


def is_job_record(content: Any) -> bool:
    """Whether this is laid out as the record of what was run for a fold."""
    return isinstance(content, dict) and _is_list(content.get("attempts"), _has_command)


def _is_model(content: Any) -> bool:
    names = ("title", "trainer", "folder")
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in names):
        return False
    seed = content.get("seed")
    return seed is None or type(seed) is int


def _is_run(content: Any) -> bool:
    return _has_command(content) and _is_dict(content.get("machine", {}), lambda facts: isinstance(facts, dict))


def _has_command(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("command"), str)


def _is_dict(content: Any, is_value: Callable[[Any], bool]) -> bool:
    return isinstance(content, dict) and all(map(is_value, content.values()))


def _is_list(content: Any, is_value: Callable[[Any], bool]) -> bool:
    return isinstance(content, list) and all(map(is_value, content))
