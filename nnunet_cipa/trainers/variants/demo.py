"""The trainers for tries, tests and the demo."""

from typing import Any, ClassVar

from nnunet_cipa.nnunet.plans import resolve_configuration
from nnunet_cipa.trainers.base import PETCTTrainer
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPA25D, nnUNetTrainerCIPASIM


class Shortened(PETCTTrainer):
    """Settings for minutes on two CPU cores, to put before a trainer.

    The rate rises over the first epoch, and AdamW's second moments forget fast, as there are few steps in all. The loss
    takes Dice of each slice and not of the batch as one, in which large tumours hide the small ones. Many small batches
    teach more in the same time than few large ones.
    """

    largest_batch: ClassVar[int] = 8
    batch_dice: ClassVar[bool | None] = False
    settings: ClassVar[dict[str, Any]] = {
        "initial_lr": 3e-3,
        "warmup_epochs": 1,
        "betas": (0.9, 0.98),
        "num_epochs": 10,
        "num_iterations_per_epoch": 40,
        "num_val_iterations_per_epoch": 8,
    }

    @classmethod
    def edit_plans(cls, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]) -> None:
        """Put the trainer's patch, network and batch, and what Dice is of, into one configuration of the plans."""
        super().edit_plans(plans, configuration, dataset_json)
        batch = resolve_configuration(plans, configuration)["batch_size"]
        plans["configurations"][configuration]["batch_size"] = min(batch, cls.largest_batch)


class nnUNetTrainerCIPA_demo(Shortened, nnUNetTrainerCIPA):
    """The nano variant, trained for minutes on two CPU cores."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano"}


class nnUNetTrainerCIPASIM_demo(Shortened, nnUNetTrainerCIPASIM):
    """The nano variant on three slices with SIM, as short as nnUNetTrainerCIPA_demo."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano", "slices": 3, "sim": "encoder"}


class FineTuned(Shortened):
    """Settings for minutes of fine-tuning."""

    settings: ClassVar[dict[str, Any]] = {
        "initial_lr": 1e-3,
        "num_epochs": 5,
        "num_iterations_per_epoch": 20,
        "num_val_iterations_per_epoch": 4,
    }


class nnUNetTrainerCIPA_demoTransfer(FineTuned, nnUNetTrainerCIPA):
    """The nano variant on one slice, for the demo's rows."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano"}


class nnUNetTrainerCIPA25D_demoTransfer(FineTuned, nnUNetTrainerCIPA25D):
    """The nano variant on three slices, for the demo's rows."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano", "slices": 3}


class nnUNetTrainerCIPASIM_demoTransfer(FineTuned, nnUNetTrainerCIPASIM):
    """The nano variant on three slices with SIM, for the demo's rows."""

    architecture: ClassVar[dict[str, Any]] = {"variant": "nano", "slices": 3, "sim": "encoder"}
