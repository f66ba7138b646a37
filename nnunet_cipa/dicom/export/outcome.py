"""The outcome of a case: files, and what there is to say of them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Exported:
    """A case.

    Attributes
    ----------
    case
        Its name.
    written
        The files, complete.
    told
        Lines on what it holds.
    warnings
        Lines on what nobody has checked.
    failures
        Lines on what could not be written.
    """

    case: str
    written: tuple[Path, ...] = ()
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
