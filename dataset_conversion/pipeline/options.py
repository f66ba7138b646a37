"""Options that every converter has."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.options import Option
from nnunet_cipa.processes.cores import default_processes


@dataclass(frozen=True)
class ConversionOptions:
    """How to convert.

    Attributes
    ----------
    dataset_id : int
        Number of the data set, 1 to 999.
    name : str
        Name of the data set, after the number.
    processes : int
        Number of processes.
    overwrite : bool
        Replace an existing dataset of that id and name.
    seed : int
        Seed of all that is drawn, such as the folds.
    group : str or None
        Folds that each leave out the patients of one centre, scanner or the like: a column of the key table or of
        --group-table.
    group_table : Path or None
        CSV file with a line per patient, under patient_id, and the column of --group.
    """

    dataset_id: Annotated[int, Option("N")]
    name: str
    processes: Annotated[int, Option("N", default="the CPU cores, at most 8")] = field(
        default_factory=default_processes
    )
    overwrite: bool = False
    seed: Annotated[int, Option("N")] = 12345
    group: Annotated[str | None, Option("COLUMN")] = None
    group_table: Annotated[Path | None, Option("FILE")] = None
