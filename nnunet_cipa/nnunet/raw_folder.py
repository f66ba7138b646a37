"""Where a dataset goes in nnU-Net's raw folder."""

import os
import re
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.folders import PREPROCESSED, RAW, SPLITS, VARIABLES, folder_if_set, nnunet_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def dataset_folder(dataset_id: int, name: str) -> Path:
    """Return ``$nnUNet_raw/DatasetNNN_NAME``, whether it exists or not.

    Raises
    ------
    CIPAError
        For a bad id or name, an unset or missing nnUNet_raw, or an id that another dataset has: nnU-Net then refuses
        both.
    """
    if not 1 <= dataset_id <= 999:
        raise CIPAError(f"--dataset-id {dataset_id}: nnU-Net takes three digits; give a number from 1 to 999")
    if _NAME.fullmatch(name) is None:
        raise CIPAError(f"--name {name!r}: use up to 64 letters, digits, hyphens and underscores")
    raw = nnunet_folder(RAW)
    if not raw.is_dir():
        raise CIPAError(f"{RAW}={raw}: not a folder; create it or correct the variable")
    if not os.access(raw, os.W_OK | os.X_OK):
        raise CIPAError(f"{RAW}={raw}: not writable; check its permissions")
    final = raw / f"Dataset{dataset_id:03d}_{name}"
    _refuse_same_id(dataset_id, final.name)
    return final


def planned_splits(name: str) -> Path | None:
    """Return the folds that nnU-Net has already planned a dataset with, if any.

    nnU-Net copies splits_final.json from the raw dataset only once and later stops with a bare assertion if the two
    differ.
    """
    preprocessed = folder_if_set(PREPROCESSED)
    path = None if preprocessed is None else preprocessed / name / SPLITS
    return path if path is not None and path.is_file() else None


def _refuse_same_id(dataset_id: int, name: str) -> None:
    prefix = f"Dataset{dataset_id:03d}"
    for folder in filter(None, map(folder_if_set, VARIABLES)):
        for other in sorted(folder.glob(f"{prefix}*")):
            if other.is_dir() and other.name != name:
                raise CIPAError(
                    f"{other}: has the id {dataset_id} under another name, which nnU-Net refuses; choose another "
                    "--dataset-id or remove it"
                )
