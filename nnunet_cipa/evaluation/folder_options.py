"""The options of ``evaluate``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.evaluation.metrics.catalogue import TOLERANCE_MM
from nnunet_cipa.evaluation.settings import Settings
from nnunet_cipa.options import Option
from nnunet_cipa.processes.cores import default_processes


@dataclass(frozen=True)
class EvaluateOptions:
    """How folders are evaluated.

    Attributes
    ----------
    names : tuple of str
        What the tables call the folders of predictions, in their order.
    images : Path or None
        Folder with the images, as nnU-Net's imagesTs, to draw cases.
    patients : Path or None
        CSV with the columns case and patient (or patient_id, as a key table has), if patients have several cases.
    label : int or None
        Value of the tumour in masks that hold several.
    common : bool
        Score the cases that all folders have, and leave out the others.
    tolerance_mm : float
        Tolerance of the surface Dice.
    settings : Settings
        Of intervals and tests.
    processes : int
        Processes for scoring.
    """

    names: Annotated[tuple[str, ...], Option("NAME", default="those of the folders")] = ()
    images: Annotated[Path | None, Option("DIR")] = None
    patients: Annotated[Path | None, Option("FILE", default="as the converters note it, else each case its own")] = None
    label: Annotated[int | None, Option("N", least=1, default="1, in masks of 0 and 1 alone")] = None
    common: bool = False
    tolerance_mm: Annotated[float, Option("MM", flag="tolerance")] = TOLERANCE_MM
    settings: Settings = field(default_factory=Settings)
    processes: Annotated[int, Option("N", least=1, default="CPU cores, at most 8")] = field(
        default_factory=default_processes
    )
