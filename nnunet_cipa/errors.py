"""The exceptions that mean: the input is at fault, and here is what to do about it."""

from collections.abc import Iterable, Sequence
from typing import Any

PROBLEMS_SHOWN = 5


class CIPAError(RuntimeError):
    """An error whose message is one clear line for the user: the file, the value and the remedy.

    The command line prints the message to stderr and ends with status 1; it shows no traceback unless ``--debug``.
    """


class CutOffError(CIPAError):
    """Work that can go on where it ended: the disk took no more, or a worker died."""


def shown(value: Any) -> str:
    """Return a value as one line of at most 200 characters, for a message."""
    return ascii(value)[:200]


def refuse(problems: Iterable[str]) -> None:
    """Raise one error for all problems, with the first few in full and the count of all.

    Raises
    ------
    CIPAError
        If there is any problem.
    """
    found = list(problems)
    if not found:
        return
    if len(found) == 1:
        raise CIPAError(found[0])
    raise CIPAError(f"{len(found)} problems, nothing was written: {listed(found)}")


def listed(problems: Sequence[str]) -> str:
    """Return the first few problems in full, and how many more there are."""
    hidden = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
    return "; ".join(problems[:PROBLEMS_SHOWN]) + hidden
