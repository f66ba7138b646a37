"""The network that a training would build, without starting the training."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.json_files import read_object
from nnunet_cipa.network import CIPA
from nnunet_cipa.nnunet_folders import PREPROCESSED, find_dataset, nnunet_folder

if TYPE_CHECKING:
    from nnunet_cipa.trainers import nnUNetTrainerCIPA

_SEED = 0


@dataclass(frozen=True)
class Target:
    """What a training is told by its command line: ``nnUNetv2_train DATASET_ID CONFIGURATION -tr -p``."""

    dataset_id: int
    trainer: str
    plans: str = "nnUNetPlans"
    configuration: str = "2d"


def build_target(target: Target) -> tuple[CIPA, dict[str, Any]]:
    """Build the network that the training would, with the same initial values each time.

    Returns
    -------
    (CIPA, dict)
        The network, and the content of dataset.json.

    Raises
    ------
    CIPAError
        If the data set is not planned, has no such plans or configuration, or the trainer is none of this package.
    """
    # The trainers import this package's loading of weights.
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager  # noqa: PLC0415 - as above

    folder = _preprocessed(target.dataset_id)
    plans = read_object(folder / f"{target.plans}.json", "plan the data set, or give the name of other --plans")
    dataset_json = read_object(folder / "dataset.json", "plan the data set again")
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict):
        raise CIPAError(f"{folder / target.plans}.json: has no configurations; plan the data set again")
    if target.configuration not in configurations:
        raise CIPAError(
            f"{folder / target.plans}.json: has no configuration {target.configuration!r}, only "
            f"{', '.join(configurations)}; give one of these as --configuration"
        )
    trainer = _find_trainer(target.trainer)
    try:
        trainer.edit_plans(plans, target.configuration, dataset_json)
    except (CIPAError, NotImplementedError) as error:
        raise CIPAError(f"{folder / target.plans}.json: {error}") from error
    manager = PlansManager(plans)
    heads = manager.get_label_manager(dataset_json).num_segmentation_heads
    configuration = manager.get_configuration(target.configuration)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = trainer.build_network_architecture(manager, configuration, 2, heads, enable_deep_supervision=False)
    if not isinstance(network, CIPA):
        raise CIPAError(f"--trainer {target.trainer}: trains {type(network).__name__}, which is not CIPA")
    return network, dataset_json


def _preprocessed(dataset_id: int) -> Path:
    folder = nnunet_folder(PREPROCESSED)
    remedy = f"run nnUNetv2_plan_and_preprocess -d {dataset_id} -c 2d first, or give another --dataset-id"
    return folder / find_dataset(str(dataset_id), [folder], remedy)


def _find_trainer(name: str) -> "type[nnUNetTrainerCIPA]":
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name  # noqa: PLC0415 - as above

    from nnunet_cipa import trainers  # noqa: PLC0415 - as above

    found: Any = getattr(trainers, name, None) if name in trainers.__all__ else None
    if found is None:
        try:
            found = recursive_find_trainer_class_by_name(name)
        except RuntimeError as error:
            raise CIPAError(
                f"--trainer {name}: nnU-Net finds no such trainer; for one of your own, add its directory to "
                f"nnUNet_extTrainer; ours are {', '.join(trainers.__all__)}"
            ) from error
    if not issubclass(found, trainers.nnUNetTrainerCIPA):
        raise CIPAError(f"--trainer {name}: is not derived from nnUNetTrainerCIPA, so its network is another")
    return found
