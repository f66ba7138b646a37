"""The trainers of a benchmark: found as nnU-Net finds them, and fitted to the plans."""

import contextlib
import io
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa import trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.plugin import plugin_path


def find_trainer(name: str) -> type:
    """Return a trainer's class: one of ours, of nnU-Net, or from ``nnUNet_extTrainer``.

    Raises
    ------
    CIPAError
        If there is none of that name.
    """
    if name in trainers.__all__:
        return getattr(trainers, name)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints where it looks
            return recursive_find_trainer_class_by_name(name)
    except RuntimeError as error:
        raise CIPAError(
            f"--trainers {name}: nnU-Net finds no such trainer; for one of your own, add its directory to "
            f"nnUNet_extTrainer; ours are {', '.join(trainers.__all__)}"
        ) from error


def trains_cipa(trainer: type) -> bool:
    """Whether the trainer brings CIPA and takes no network from the plans."""
    return issubclass(trainer, trainers.nnUNetTrainerCIPA)


def batch_and_patch(
    trainer: type, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]
) -> tuple[int, tuple[int, ...]]:
    """Return the samples of an iteration and the pixels of a sample's target.

    Raises
    ------
    NotImplementedError
        If CIPA cannot be trained on this configuration.
    CIPAError
        If it cannot be trained on this data set.
    """
    plans = deepcopy(plans)
    if issubclass(trainer, trainers.nnUNetTrainerCIPA):
        trainer.edit_plans(plans, configuration, dataset_json)
    manager = PlansManager(plans).get_configuration(configuration)
    patch_size = manager.patch_size
    if trains_cipa(trainer):
        # With neighbouring slices the patch of the plans is the tile of prediction.
        patch_size = manager.network_arch_init_kwargs["patch_size"]
    return int(manager.batch_size), tuple(int(side) for side in patch_size)


def search_path(folder: Path) -> str:
    """Return ``nnUNet_extTrainer`` for a benchmark: our trainers, the user's, then those of the benchmark."""
    given = [entry for entry in os.environ.get("nnUNet_extTrainer", "").split(os.pathsep) if entry.strip()]
    return os.pathsep.join(dict.fromkeys([str(plugin_path()), *given, str(folder)]))
