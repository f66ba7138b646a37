"""From checked cases to a dataset in nnUNet_raw, which appears when it is complete."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.cases import CaseJob, write_cases
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    PROVENANCE,
    DatasetFacts,
    check_run,
    new_dataset,
    refuse_existing,
    write_dataset_json,
)
from nnunet_cipa.dataset_conversion.pipeline.finished import forget_records
from nnunet_cipa.dataset_conversion.pipeline.groups import read_grouping
from nnunet_cipa.dataset_conversion.pipeline.options import ConversionOptions
from nnunet_cipa.dataset_conversion.pipeline.splits import Splits
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.nnunet.raw_folder import dataset_folder


@dataclass(frozen=True)
class NewDataset:
    """What a dataset is to hold.

    Attributes
    ----------
    facts
        For dataset.json.
    splits
        The folds, by the names of the cases; without any, no file of folds is written.
    provenance
        Of the whole dataset; that of a case comes from its job.
    jobs
        The cases, for the folder that they are to be written to.
    more_folders
        Folders beside nnU-Net's own.
    """

    facts: DatasetFacts
    splits: Splits
    provenance: Mapping[str, object]
    jobs: Callable[[Path], Sequence[CaseJob]]
    more_folders: tuple[str, ...] = ()


def place(options: ConversionOptions) -> Path:
    """Return the folder that a dataset will have, before any work.

    Raises
    ------
    CIPAError
        If nnUNet_raw is not set, an option that every converter has is out of range, the table of groups cannot be
        read, or the dataset exists and is not to be replaced.
    """
    final = dataset_folder(options.dataset_id, options.name)
    check_run(options.processes, options.seed)
    read_grouping(options.group, options.group_table)
    refuse_existing(final, overwrite=options.overwrite)
    return final


def write_dataset(
    final: Path, dataset: NewDataset, options: ConversionOptions, check: Callable[[Path], None] | None = None
) -> None:
    """Write a dataset beside its place, and put it there when it is complete (see ``staged_folder``).

    Parameters
    ----------
    final
        What ``place`` gives.
    dataset
        What it is to hold.
    options
        How many processes write its cases, and whether it may replace another.
    check
        Looks at the complete folder before it is put in its place; what it raises leaves nothing behind.
    """
    with new_dataset(final, overwrite=options.overwrite) as folder:
        for name in dataset.more_folders:
            (folder / name).mkdir(exist_ok=True)
        write_cases(folder, dataset.jobs(folder), options.processes)
        write_dataset_json(folder, dataset.facts)
        if dataset.splits:
            write_json(folder / SPLITS, dataset.splits)
        write_json(folder / PROVENANCE / "_dataset.json", dataset.provenance)
        forget_records(folder)
        if check is not None:
            check(folder)
