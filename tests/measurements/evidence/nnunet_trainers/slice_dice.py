"""nnU-Net's trainer with Dice of each sample, which its plans do not choose in 2D."""

from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainer_sliceDice(nnUNetTrainer):
    """nnUNetTrainer, whose Dice is of each sample and not of the batch as one."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),
    ) -> None:
        plans["configurations"][configuration]["batch_dice"] = False
        super().__init__(plans, configuration, fold, dataset_json, device)
