"""The trainers for tries, tests and the demo."""

from typing import Any, ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.trainers.base import nnUNetTrainerCIPA
from nnunet_cipa.trainers.slices import nnUNetTrainerCIPASIM


class Shortened(nnUNetTrainer):
    """Settings for minutes on two CPU cores, to put before a trainer: 10 epochs of 25 iterations at rate 3e-3."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.initial_lr = 3e-3
        self.num_epochs = 10
        self.num_iterations_per_epoch = 25
        self.num_val_iterations_per_epoch = 5


class nnUNetTrainerCIPA_demo(Shortened, nnUNetTrainerCIPA):
    """The nano variant, trained for minutes on two CPU cores: 10 epochs of 25 iterations at rate 3e-3."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano"}


class nnUNetTrainerCIPASIM_demo(Shortened, nnUNetTrainerCIPASIM):
    """Three slices and SIM before the nano variant, as short as nnUNetTrainerCIPA_demo."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano", "slices": 3, "sim": "input"}
