"""Files round the cases of a dataset, for every converter: folders, dataset.json, folds and provenance."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json
from numpy.typing import NDArray

from nnunet_cipa import __version__
from nnunet_cipa.dataset_conversion.pipeline.channels import WIDTH
from nnunet_cipa.dataset_conversion.pipeline.folds import Folds
from nnunet_cipa.dataset_conversion.pipeline.splits import FOLDS
from nnunet_cipa.dataset_conversion.pipeline.staging import staged_folder
from nnunet_cipa.errors import CIPAError, CutOffError
from nnunet_cipa.files.json_files import read_json
from nnunet_cipa.nnunet.raw_folder import planned_splits

FOLDERS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
PROVENANCE = "provenance"
CONVERTED_BY = f"nnunet_cipa {__version__}"
Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True)
class DatasetFacts:
    """What dataset.json says of a dataset.

    Attributes
    ----------
    name
        Of the dataset.
    label
        Name of label 1; None for images without labels.
    channels
        ``READY_CHANNELS``, which nnU-Net leaves alone, or ``RAW_CHANNELS``, which it normalises.
    training_cases
        Their number.
    more
        Further keys.
    """

    name: str
    label: str | None
    channels: dict[str, dict[str, Any]]
    training_cases: int
    more: dict[str, object] = field(default_factory=dict)


def case_paths(folder: Path, part: str, case: str) -> list[Path]:
    """Return where nnU-Net looks for the CT, the PET and the label of a case, of ``train`` or ``test``."""
    images, labels = (folder / name for name in FOLDERS[part])
    return [images / f"{case}_0000.nii.gz", images / f"{case}_0001.nii.gz", labels / f"{case}.nii.gz"]


def ready_values(fraction: NDArray[Real]) -> NDArray[Real]:
    """Map 0..1 to 0..3.2, to which the network adds -1.6; zero is the lowest, as nnU-Net pads with zeros."""
    return fraction * WIDTH


@contextmanager
def new_dataset(final: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a staged folder (see ``staged_folder``) that holds nnU-Net's folders and one for the provenance."""
    with staged_folder(final, overwrite=overwrite) as folder:
        for name in (*FOLDERS["train"], *FOLDERS["test"], PROVENANCE):
            (folder / name).mkdir(exist_ok=True)
        yield folder


@contextmanager
def writing_case(folder: Path, case: str) -> Iterator[None]:
    """Turn a disk that does not take a case into an error with a remedy.

    Raises
    ------
    CutOffError
        For an OSError in the block.
    """
    try:
        yield
    except OSError as error:
        raise CutOffError(
            f"{error.filename or folder}: writing patient {case} failed ({error.strerror}); "
            "free space or check permissions in nnUNet_raw"
        ) from error


def write_dataset_json(folder: Path, facts: DatasetFacts) -> None:
    """Write nnU-Net's dataset.json, by which the trainers know CT from PET too, and what the stored values mean."""
    generate_dataset_json(
        str(folder),
        facts.channels["channel_names"],
        {"background": 0, **({} if facts.label is None else {facts.label: 1})},
        facts.training_cases,
        ".nii.gz",
        dataset_name=facts.name,
        converted_by=CONVERTED_BY,
        overwrite_image_reader_writer="SimpleITKIO",
        modalities={"0": "CT", "1": "PET"},
        **{key: value for key, value in facts.channels.items() if key != "channel_names"},
        **facts.more,
    )


def check_run(processes: int, seed: int) -> None:
    """Refuse numbers of processes and seeds that cannot be.

    Raises
    ------
    CIPAError
        For no process or a negative seed.
    """
    if processes < 1:
        raise CIPAError(f"--processes {processes}: give at least 1")
    if seed < 0:
        raise CIPAError(f"--seed {seed}: give a number from 0")


def refuse_existing(final: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, a dataset that is there already.

    Raises
    ------
    CIPAError
        If it exists and is not to be replaced.
    """
    if final.exists() and not overwrite:
        raise CIPAError(f"{final}: exists; give --overwrite to replace it, or choose another --dataset-id")


def folds_warning(final: Path, folds: Folds) -> Iterator[str]:
    """Warn of fewer folds than five, and of others with which the dataset was planned, on which planning would stop."""
    splits, number = folds.splits, final.name.removeprefix("Dataset")[:3]
    if not splits:
        yield (
            f"there is one patient to train on, so that {final.name} has no folds: train on all of it, by "
            f"nnUNetv2_train {number} 2d all -tr nnUNetTrainerCIPA; nothing tells how good such a model is"
        )
    elif len(splits) < FOLDS and not folds.left_out:
        numbers = " ".join(map(str, range(len(splits))))
        yield (
            f"{final.name} has {len(splits)} folds, not {FOLDS}: for each fold of {numbers} run nnUNetv2_train "
            f"{number} 2d FOLD -tr nnUNetTrainerCIPA, and give nnUNetv2_predict -f {numbers}"
        )
    planned = planned_splits(final.name)
    if planned is not None and read_json(planned, "remove it, and plan the dataset again") != splits:
        yield f"{planned}: holds other folds than the new dataset, so that planning would fail; remove it first"
