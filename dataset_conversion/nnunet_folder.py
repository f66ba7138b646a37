"""Where a dataset goes in nnU-Net's raw folder."""

import os
import re
from pathlib import Path

from nnunet_cipa.errors import CIPAError

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
    value = os.environ.get("nnUNet_raw")
    if not value:
        raise CIPAError(
            "nnUNet_raw is not set; set it to the folder of raw datasets: export nnUNet_raw=/path/to/nnUNet_raw"
        )
    raw = Path(value)
    if not raw.is_dir():
        raise CIPAError(f"nnUNet_raw={value}: not a folder; create it or correct the variable")
    if not os.access(raw, os.W_OK | os.X_OK):
        raise CIPAError(f"nnUNet_raw={value}: not writable; check its permissions")
    final = raw / f"Dataset{dataset_id:03d}_{name}"
    _refuse_same_id(dataset_id, final.name)
    return final


def planned_splits(name: str) -> Path | None:
    """Return the folds that nnU-Net has already planned a dataset with, if any.

    nnU-Net copies splits_final.json from the raw dataset only once and later stops with a bare assertion if the two
    differ.
    """
    preprocessed = os.environ.get("nnUNet_preprocessed")
    path = Path(preprocessed or os.devnull) / name / "splits_final.json"
    return path if path.is_file() else None


def _refuse_same_id(dataset_id: int, name: str) -> None:
    prefix = f"Dataset{dataset_id:03d}"
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        folder = Path(os.environ.get(variable) or os.devnull)
        for other in sorted(folder.glob(f"{prefix}*")) if folder.is_dir() else []:
            if other.is_dir() and other.name != name:
                raise CIPAError(
                    f"{other}: has the id {dataset_id} under another name, which nnU-Net refuses; choose another "
                    "--dataset-id or remove it"
                )
