"""The network, batch and sample that a training would have, without starting it."""

import contextlib
import io
import traceback
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from torch import nn

from nnunet_cipa import trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.dataset import Dataset
from nnunet_cipa.nnunet.folders import PREPROCESSED, find_dataset, nnunet_folder, trainer_folders
from nnunet_cipa.nnunet.target import Target
from nnunet_cipa.trainers.base import PETCTTrainer

_SEED = 0
# How nnU-Net's message begins.
_NOT_FOUND = "Could not find requested nnunet trainer"


@dataclass(frozen=True)
class Training:
    """A training of any network that nnU-Net can build.

    Attributes
    ----------
    trainer : type
        nnU-Net's trainer, or one derived from it.
    plans : dict
        As the trainer edits them.
    configuration : str
        One of the plans.
    dataset_json : dict
        Content of dataset.json.
    """

    trainer: type[nnUNetTrainer]
    plans: dict[str, Any]
    configuration: str
    dataset_json: dict[str, Any]

    @property
    def batch_size(self) -> int:
        """The samples of an iteration."""
        return int(self._settings.batch_size)

    @property
    def patch_size(self) -> tuple[int, ...]:
        """The pixels or voxels of a sample's target."""
        planned = [int(side) for side in self._settings.patch_size]
        return self.trainer.sampling.sample_size(planned) if brings_network(self.trainer) else tuple(planned)

    @property
    def input_channels(self) -> int:
        """The channels of the images, with those that an earlier stage of a cascade adds."""
        return int(determine_num_input_channels(self._manager, self._settings, self.dataset_json))

    def build_network(self) -> nn.Module:
        """Build the network as nnU-Net does for this trainer, with the same initial values each time."""
        heads = self._manager.get_label_manager(self.dataset_json).num_segmentation_heads
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            return self.trainer.build_network_architecture(
                self._manager, self._settings, self.input_channels, heads, enable_deep_supervision=False
            )

    @property
    def _manager(self) -> PlansManager:
        return PlansManager(self.plans)

    @property
    def _settings(self) -> ConfigurationManager:
        return self._manager.get_configuration(self.configuration)


def plan_training(
    trainer: type[nnUNetTrainer], plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]
) -> Training:
    """Return the training of a trainer on plans, which stay as they are.

    Raises
    ------
    NotImplementedError
        If the trainer's network cannot be trained on this configuration.
    CIPAError
        If it cannot be trained on this data set.
    """
    plans = deepcopy(plans)
    if brings_network(trainer):
        trainer.edit_plans(plans, configuration, dataset_json)
    return Training(trainer, plans, configuration, dataset_json)


def resolve_target(target: Target) -> Training:
    """Return the training that a command line would start.

    Raises
    ------
    CIPAError
        If the data set is not planned, has no such plans or configuration, there is no such trainer, or its network
        cannot be trained there.
    """
    dataset = _planned(target.dataset_id)
    plans = dataset.read_plans_with(target.plans, target.configuration, "give one of these as --configuration")
    trainer = find_trainer(target.trainer)
    try:
        return plan_training(trainer, plans, target.configuration, dataset.dataset_json)
    except (CIPAError, NotImplementedError) as error:
        raise CIPAError(f"{dataset.plans_file(target.plans)}: {error}") from error


def find_trainer(name: str, option: str = "--trainer") -> type[nnUNetTrainer]:
    """Return a trainer's class: one of ours, of nnU-Net, or from ``nnUNet_extTrainer``.

    Parameters
    ----------
    name : str
        As after ``-tr``.
    option : str
        Where the user gave it, for the message.

    Raises
    ------
    CIPAError
        If there is none of that name, or nnU-Net's search meets a file that cannot be imported.
    """
    if name in trainers.__all__:
        found: type[nnUNetTrainer] = getattr(trainers, name)
        return found
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints where it looks
            return recursive_find_trainer_class_by_name(name)
    except Exception as error:
        if str(error).startswith(_NOT_FOUND):
            raise CIPAError(
                f"{option} {name}: nnU-Net finds no such trainer; for one of your own, add its directory to "
                f"nnUNet_extTrainer; ours are {', '.join(trainers.__all__)}"
            ) from error
        file = _failed_file(error)
        if file is None:
            raise CIPAError(f"{option} {name}: {type(error).__name__}: {error}") from error
        raise CIPAError(
            f"{file}: cannot be imported ({type(error).__name__}: {error}); nnU-Net imports what is in "
            f"nnUNet_extTrainer until it finds {name}: mend the file or take it out"
        ) from error


def _failed_file(error: Exception) -> Path | None:
    """Return the user's file at whose import nnU-Net's search ended, None if it ended otherwise."""
    names = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        names.append(error.filename or "")
    files = [path.resolve() for path in map(Path, names) if path.is_file()]  # Python's own have no file
    folders = [Path(folder).resolve() for folder in trainer_folders()]
    return next((file for file in files if any(file.is_relative_to(folder) for folder in folders)), None)


def brings_network(trainer: type) -> TypeGuard[type[PETCTTrainer]]:
    """Return whether a trainer puts its own network into the plans."""
    return issubclass(trainer, PETCTTrainer)


def _planned(dataset_id: int) -> Dataset:
    folder = nnunet_folder(PREPROCESSED)
    remedy = f"run nnUNetv2_plan_and_preprocess -d {dataset_id} -c 2d first, or give another --dataset-id"
    name = find_dataset(str(dataset_id), [folder], remedy)
    return Dataset(name, folder / name)
