"""The options of ``benchmark report``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.evaluation.metrics.catalogue import TOLERANCE_MM
from nnunet_cipa.evaluation.settings import Settings
from nnunet_cipa.options import Option
from nnunet_cipa.processes.cores import default_processes


@dataclass(frozen=True)
class ReportOptions:
    """How a report is made.

    Attributes
    ----------
    out : Path
        New folder of the report.
    trainers : tuple of str
        Which models: trainers, or folders TRAINER__PLANS__CONFIGURATION.
    benchmark : Path or None
        Folder of 'benchmark run'.
    folds : tuple of int
        Folds that were trained.
    tolerance_mm : float
        Tolerance of the surface Dice.
    settings : Settings
        Of intervals and tests.
    processes : int
        Processes for scoring and the audit.
    audit : bool
        Compare the voxels of all images, to find patients under two names.
    calibrate : bool
        Write the temperature of each model to calibration.json in its folder, where predict looks for it.
    """

    out: Annotated[Path, Option("DIR")]
    trainers: Annotated[tuple[str, ...], Option("NAME", default="all of the benchmark")] = ()
    benchmark: Annotated[
        Path | None,
        Option(
            "DIR",
            default="$nnUNet_results/benchmarks/DATASET if there is one, else the models that --trainers names in "
            "nnUNet_results",
        ),
    ] = None
    folds: Annotated[tuple[int, ...], Option("N", least=0, default="all that were run")] = ()
    tolerance_mm: Annotated[float, Option("MM", flag="tolerance")] = TOLERANCE_MM
    settings: Settings = field(default_factory=Settings)
    processes: Annotated[int, Option("N", least=1, default="CPU cores, at most 8")] = field(
        default_factory=default_processes
    )
    audit: bool = True
    calibrate: bool = False
