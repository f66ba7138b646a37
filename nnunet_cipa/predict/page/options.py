"""Options of the page of a predicted patient."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class PageOptions:
    """What the page of a patient shows.

    Attributes
    ----------
    show_names : bool
        Name the patient by PatientID on the page, and show descriptions of series and folders, which may hold names
        too; without it the page has a pseudonym.
    slices : int
        Most slices that the page shows.
    """

    show_names: bool = False
    slices: Annotated[int, Option(hidden=True)] = 8
