"""The result of a conversion."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """A patient who cannot be converted, as the user knows the patient, and why."""

    patient: str
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A data set that was converted.

    Attributes
    ----------
    folder : Path
        The dataset in nnUNet_raw.
    written : int
        Number of cases in it.
    told : tuple of str
        What the user is told of it, a line each.
    warnings : tuple of str
        What the user should know beyond that.
    failures : tuple of Failure
        Patients who were left out because they cannot be converted.
    """

    folder: Path
    written: int
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
