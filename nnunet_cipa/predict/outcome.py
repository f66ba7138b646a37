"""The outcome of a patient: files, and what there is to say of them."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """A patient, predicted now or by an earlier run, or not.

    Attributes
    ----------
    patient_id
        PatientID, or the name of the folder of NIfTI files; empty for what is of nobody.
    folder
        In OUT; None if there is none.
    written
        The files, complete; empty if they were there already.
    told
        Lines on what they hold.
    warnings
        Lines on what a person should look at.
    failure
        Why there is nothing; empty if there is.
    error
        What was raised, for a failure in predicting.
    """

    patient_id: str
    folder: Path | None = None
    written: tuple[Path, ...] = ()
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""
    error: Exception | None = field(default=None, repr=False, compare=False)
