"""Reads what a trained model's folder says of the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.dicom.export.model_folds import find_folds
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.nnunet.channels import find_modalities
from nnunet_cipa.predict.model.options import IntensityOptions, UseOptions
from nnunet_cipa.predict.model.storage import find_storage
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.weights.files import read_checkpoint

_REMEDY = "give a model that nnUNetv2_train has trained"


def read_trained_model(folder: Path, use: UseOptions, intensities: IntensityOptions | None) -> TrainedModel:
    """Read plans, dataset.json, and by which trainer and configuration the weights were saved.

    Parameters
    ----------
    folder
        TRAINER__PLANS__CONFIGURATION.
    use
        Which folds and checkpoint.
    intensities
        What counts where dataset.json does not say how they were stored; None for images that are in the data set's
        format already.

    Raises
    ------
    CIPAError
        If a fold is not there, a file is damaged or lacks what is needed, or nothing tells how intensities were stored.
    """
    plans = read_object(folder / "plans.json", _REMEDY)
    dataset_json = read_object(folder / "dataset.json", _REMEDY)
    fingerprint = folder / "dataset_fingerprint.json"
    where = str(folder / "dataset.json")
    try:
        find_modalities(dataset_json)
    except CIPAError as error:
        raise CIPAError(f"{folder}: {error}") from error
    storage = Storage(Intensity.RAW) if intensities is None else find_storage(dataset_json, where, intensities)
    folds = find_folds(folder, use.checkpoint, use.folds, "give another fold, or --checkpoint", without_all=True)
    paths = {fold: folder / fold / use.checkpoint for fold in folds}
    first = read_checkpoint(next(iter(paths.values()))).facts
    trainer, configuration = first.trainer, first.configuration
    if trainer is None or configuration is None:
        raise CIPAError(
            f"{next(iter(paths.values()))}: does not name its trainer and configuration, as checkpoints of "
            f"nnUNetv2_train do; {_REMEDY}"
        )
    _check_plans(folder, plans, configuration)
    return TrainedModel(
        folder=folder,
        trainer=trainer,
        configuration=configuration,
        dataset=str(plans.get("dataset_name", folder.resolve().parent.name)),
        checkpoint=use.checkpoint,
        hashes={fold: file_hash(path) for fold, path in paths.items()},
        plans=plans,
        dataset_json=dataset_json,
        fingerprint=read_object(fingerprint) if fingerprint.is_file() else None,
        storage=storage,
        crop=bool(dataset_json.get("crop", False)),
        mirror_axes=first.mirror_axes,
    )


def _check_plans(folder: Path, plans: Mapping[str, Any], configuration: str) -> None:
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict) or configuration not in configurations or "plans_name" not in plans:
        raise CIPAError(f"{folder / 'plans.json'}: has no configuration {configuration}; {_REMEDY}")
    if configurations[configuration].get("previous_stage") is not None:
        raise CIPAError(
            f"--model {folder}: is the second stage of a cascade, which needs the prediction of the first; give a "
            "model of another configuration"
        )
