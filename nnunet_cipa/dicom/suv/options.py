"""Options of SUV, for headers of a PET that do not tell it, or tell it wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class SuvOptions:
    """What counts where the headers of a PET do not tell SUV, or tell it wrong.

    Attributes
    ----------
    suv_override : Path or None
        In DICOM, a CSV file of what counts for single patients in place of what the headers of the PET say: weight,
        dose, injection and scan times by PatientID.
    most_half_lives : float
        In DICOM, the longest time from injection to scan that is believed, in half lives, up to 6.
    """

    suv_override: Annotated[Path | None, Option("FILE")] = None
    most_half_lives: Annotated[float, Option("N")] = 2.0
