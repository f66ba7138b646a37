"""nnU-Net's folders, which its variables name, and the datasets in them."""

import os
from collections.abc import Sequence
from pathlib import Path

from nnunet_cipa.errors import CIPAError

RAW, PREPROCESSED, RESULTS = "nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"
VARIABLES = (RAW, PREPROCESSED, RESULTS)
SPLITS = "splits_final.json"  # of a dataset, in RAW and in PREPROCESSED


def nnunet_folder(variable: str) -> Path:
    """Return one of nnU-Net's folders, whether it exists or not.

    Raises
    ------
    CIPAError
        If its variable is not set.
    """
    folder = folder_if_set(variable)
    if folder is None:
        raise CIPAError(f"{variable} is not set; set it to nnU-Net's folder: export {variable}=/path/to/{variable}")
    return folder


def folder_if_set(variable: str) -> Path | None:
    """Return one of nnU-Net's folders, None if its variable is not set."""
    value = os.environ.get(variable)
    return Path(value) if value else None


def trainer_folders() -> list[str]:
    """Return the folders that ``nnUNet_extTrainer`` names, as they stand there."""
    return [entry for entry in os.environ.get("nnUNet_extTrainer", "").split(os.pathsep) if entry.strip()]


def find_dataset(
    name_or_id: str,
    folders: Sequence[Path],
    remedy: str = "give the number or the whole name of one, as in 701 or Dataset701_PCLT20K",
) -> str:
    """Find a dataset by its number or its whole name, and return its name.

    Parameters
    ----------
    name_or_id : str
        NNN or DatasetNNN_NAME.
    folders : sequence of Path
        Where to look: some of nnU-Net's folders, of which some may not exist.
    remedy : str
        End of the message.

    Raises
    ------
    CIPAError
        If there is none, or more than one of that number.
    """
    names = {path.name for folder in folders for path in folder.glob("Dataset[0-9][0-9][0-9]*") if path.is_dir()}
    prefix = f"Dataset{int(name_or_id):03d}_" if name_or_id.isdecimal() else None
    found = sorted(name for name in names if (name.startswith(prefix) if prefix else name == name_or_id))
    if len(found) != 1:
        there = ", ".join(found) or "no such dataset"
        raise CIPAError(f"{name_or_id}: {there} in {' and '.join(map(str, folders))}; {remedy}")
    return found[0]
