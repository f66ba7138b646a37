"""The trainer for tries, tests and the demo."""

from typing import Any, ClassVar

import torch

from nnunet_cipa.trainers.base import nnUNetTrainerCIPA


class nnUNetTrainerCIPA_demo(nnUNetTrainerCIPA):
    """The nano variant, trained for minutes on two CPU cores: 10 epochs of 25 iterations at rate 3e-3."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano"}

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
