"""``weights export --stock``: a trained model that nnU-Net predicts with its own trainer's name."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_json
from nnunet_cipa.files.new_folders import new_folder
from nnunet_cipa.weights.files import read_checkpoint
from nnunet_cipa.weights.torch_files import load_plain, save_torch

STOCK_TRAINER = "nnUNetTrainer"
CHECKPOINT = "checkpoint_final.pth"
_OURS = "nnunet_cipa."
_REMEDY = "give the folder of a trained model, TRAINER__PLANS__CONFIGURATION in nnUNet_results"


def export_stock(model: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """Copy a trained model for machines on which ``nnUNet_extTrainer`` is not set.

    The plans that are saved with a model name the network and its arguments, and nnU-Net's own trainer builds what
    they name. So the weights go under that trainer's name, and this package has only to be installed. What a
    prediction does not need, the optimizer among it, is left out.

    Parameters
    ----------
    model : path
        The folder of a trained model, with plans.json, dataset.json and a checkpoint_final.pth in each fold.
    out : path
        A folder to use as nnUNet_results, made if it is missing.

    Returns
    -------
    Path
        The new model's folder, ``out``/DATASET/nnUNetTrainer__PLANS__CONFIGURATION.

    Raises
    ------
    CIPAError
        If the folder holds no trained model, its network comes from elsewhere, or the new folder exists.
    """
    model, out = Path(model).resolve(), Path(out)
    checkpoints = sorted(model.glob(f"fold_*/{CHECKPOINT}"))
    if not checkpoints:
        raise CIPAError(f"{model}: has no fold_*/{CHECKPOINT}; {_REMEDY}")
    plans, configuration = read_json(model / "plans.json", _REMEDY), model.name.split("__")[-1]
    dataset, plans_name = _check_plans(model / "plans.json", plans, configuration)
    final = out / dataset / f"{STOCK_TRAINER}__{plans_name}__{configuration}"
    if final.exists():
        raise CIPAError(f"{final}: exists; remove it or choose another folder to write to")
    final.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(final) as folder:
        for name in ("plans.json", "dataset.json"):
            shutil.copyfile(model / name, folder / name)
        for checkpoint in checkpoints:
            (folder / checkpoint.parent.name).mkdir()
            with (folder / checkpoint.parent.name / CHECKPOINT).open("wb") as file:
                save_torch(_stock_checkpoint(checkpoint, configuration), file)
    return final


def _check_plans(path: Path, plans: Any, configuration: str) -> tuple[str, str]:
    """Return the names of data set and plans, both fit to be a folder's, if the network is one of this package."""
    try:
        network = plans["configurations"][configuration]["architecture"]["network_class_name"]
        names = plans["dataset_name"], plans["plans_name"]
    except (LookupError, TypeError) as error:
        raise CIPAError(f"{path}: has no network for configuration {configuration!r}; {_REMEDY}") from error
    if not isinstance(network, str) or not network.startswith(_OURS):
        raise CIPAError(f"{path}: the network is {network!r}, none of this package; nnU-Net predicts it as it is")
    if not all(isinstance(name, str) and name.isprintable() and Path(name).name == name for name in names):
        raise CIPAError(f"{path}: the names of data set and plans are {json.dumps(names)}; {_REMEDY}")
    return names


def _stock_checkpoint(path: Path, configuration: str) -> dict[str, Any]:
    weights = read_checkpoint(path).weights
    mirrored = load_plain(path, mmap=True).get("inference_allowed_mirroring_axes")
    return {
        "network_weights": weights,
        "trainer_name": STOCK_TRAINER,
        "init_args": {"configuration": configuration},
        "inference_allowed_mirroring_axes": mirrored,
    }
