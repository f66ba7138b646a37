"""Collects what is wrong with an input and tells it in one line."""

from collections.abc import Iterable, Sequence

from nnunet_cipa.errors import CIPAError

SHOWN = 5


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
    hidden = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + hidden
