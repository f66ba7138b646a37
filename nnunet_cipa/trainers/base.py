"""nnUNetTrainerCIPA, which the other trainers derive from."""

import math
import os
from pathlib import Path
from typing import Any, ClassVar

import torch
from batchgeneratorsv2.helpers.scalar_type import RandomScalar
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.nnunet.orientation import check_axial
from nnunet_cipa.trainers.augmentation import augmentation
from nnunet_cipa.trainers.nonfinite import NonFiniteGuard
from nnunet_cipa.trainers.optimizer import parameter_groups
from nnunet_cipa.trainers.plans import plan_cipa
from nnunet_cipa.trainers.resuming import ResumableTraining, unwrap
from nnunet_cipa.trainers.schedule import CosineSchedule
from nnunet_cipa.trainers.side_by_side import SideBySideTraining
from nnunet_cipa.weights import load_encoder

ENCODER_VARIABLE = "NNUNET_CIPA_ENCODER"
CHECKPOINTING_VARIABLE = "NNUNET_CIPA_ACTIVATION_CHECKPOINTING"


class nnUNetTrainerCIPA(NonFiniteGuard, ResumableTraining, SideBySideTraining):
    """CIPA on single slices, trained as in the CVPR paper.

    AdamW with rate 6e-5 and weight decay 0.01, none on biases, norms, A_logs and Ds; cosine schedule by iteration to
    1e-6 of the start; 218 epochs of 250 iterations, as many as the paper's 50 epochs have (54,400). Flips, affine and
    crops of 0.7 to 0.9 of the side. Everything else is nnU-Net's: planning, preprocessing, batch size, folds, losses,
    logging.

    A new training takes the encoder from the file that ``NNUNET_CIPA_ENCODER`` names, if it is set; with
    ``-pretrained_weights`` and ``--c`` the checkpoint decides.

    With ``activation_checkpointing`` a training needs less memory and more time, and ends with the same weights.
    ``NNUNET_CIPA_ACTIVATION_CHECKPOINTING``, 1 or 0, goes before the attribute.

    Raises
    ------
    CIPAError
        If dataset.json does not name one CT and one PET channel, a variable has another value, or ``settings`` names
        no attribute.
    NotImplementedError
        For a cascade, a three-dimensional configuration, or slices that are not axial.
    """

    architecture: ClassVar[dict[str, Any]] = {}
    settings: ClassVar[dict[str, Any]] = {}  # values of the attributes below and of nnU-Net's; a subclass adds its own

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),
    ) -> None:
        self.edit_plans(plans, configuration, dataset_json)
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.initial_lr = 6e-5
        self.weight_decay = 1e-2
        self.betas = (0.9, 0.999)
        self.num_epochs = 218
        self.warmup_epochs = 0
        self.encoder_rate = 1.0
        self.freeze_encoder = False
        self.activation_checkpointing = False
        self.enable_deep_supervision = False
        self._best_ema = -math.inf  # nnU-Net takes any first value for the best if there is none, NaN too
        for owner in reversed(type(self).__mro__):
            for name, value in vars(owner).get("settings", {}).items():
                if not hasattr(self, name):
                    raise CIPAError(f"{owner.__name__}: settings has {name!r}, and trainers have no such attribute")
                setattr(self, name, value)

    @classmethod
    def edit_plans(cls, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]) -> None:
        """Put this trainer's patch and network into one configuration of the plans."""
        plan_cipa(plans, configuration, dataset_json, cls.architecture)

    def initialize(self) -> None:
        """Build the network as nnU-Net does, and switch activation checkpointing on or off."""
        wanted = self._wants_activation_checkpointing()
        super().initialize()
        self.unwrapped_network().set_activation_checkpointing(wanted)
        if wanted:
            self.print_to_log_file("activation checkpointing: blocks are computed again in the backward pass")

    def _wants_activation_checkpointing(self) -> bool:
        value = os.environ.get(CHECKPOINTING_VARIABLE) or str(int(self.activation_checkpointing))
        if value not in {"0", "1"}:
            raise CIPAError(f"{CHECKPOINTING_VARIABLE} is {value!r}; set it to 1 or 0, or unset it")
        return value == "1"

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, CosineSchedule]:
        """Make AdamW, with the encoder's own rate, and the cosine schedule; freeze the encoder if asked to."""
        network = self.unwrapped_network()
        network.encoder.requires_grad_(not self.freeze_encoder)
        encoder: list[tuple[str, nn.Parameter]] = []
        others: list[tuple[str, nn.Parameter]] = []
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                (encoder if name.startswith("encoder.") else others).append((name, parameter))
        groups = [
            *parameter_groups(encoder, self.weight_decay, self.initial_lr * self.encoder_rate),
            *parameter_groups(others, self.weight_decay, self.initial_lr),
        ]
        # One pass over all tensors: on two cores a quarter of the time of one after the other.
        fused = self.device.type in {"cpu", "cuda"}
        optimizer = torch.optim.AdamW(groups, lr=self.initial_lr, betas=self.betas, fused=fused)
        epoch = self.num_iterations_per_epoch
        schedule = CosineSchedule(optimizer, self.num_epochs * epoch, epoch, warmup=self.warmup_epochs * epoch)
        return optimizer, schedule

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """Return the training and validation cases of the fold, whose slices have to be axial."""
        training, validation = super().get_tr_and_val_datasets()
        check_axial(Path(training.source_folder), sorted({*training.identifiers, *validation.identifiers}))
        return training, validation

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Validate on one batch; a case that is not finite ends no training, see ``NonFiniteGuard``."""
        intensities = self.unwrapped_network().intensities
        intensities.is_checked = False
        try:
            return super().validation_step(batch)
        finally:
            intensities.is_checked = True

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Do nothing: CIPA has one output."""

    def on_train_start(self) -> None:
        """Load the encoder into a network that no checkpoint was loaded into, then start as nnU-Net does."""
        if not self.was_initialized:
            self.initialize()
            self._load_encoder()
        super().on_train_start()

    def _load_encoder(self) -> None:
        path = os.environ.get(ENCODER_VARIABLE)
        if path:
            count = load_encoder(self.unwrapped_network(), path)
            self.print_to_log_file(f"encoder: {count} tensors from {path} ({ENCODER_VARIABLE})")

    def unwrapped_network(self) -> CIPA:
        """Return the network without the shells of distributed training and torch.compile."""
        network = unwrap(self.network)
        assert isinstance(network, CIPA)  # noqa: S101
        return network

    @staticmethod
    def get_training_transforms(
        patch_size: Any,
        rotation_for_DA: RandomScalar,
        deep_supervision_scales: list[Any] | tuple[Any, ...] | None,
        mirror_axes: tuple[int, ...],
        do_dummy_2d_data_aug: bool,
        use_mask_for_norm: list[bool] | None = None,
        is_cascaded: bool = False,
        foreground_labels: Any = None,
        regions: Any = None,
        ignore_label: int | None = None,
    ) -> BasicTransform:
        """Make the papers' augmentation, then what nnU-Net does to the labels of every patch."""
        del do_dummy_2d_data_aug
        masked = [channel for channel, use_mask in enumerate(use_mask_for_norm or ()) if use_mask]
        transforms = augmentation(patch_size, rotation_for_DA, mirror_axes, masked)
        labels = nnUNetTrainer.get_validation_transforms(
            deep_supervision_scales, is_cascaded, foreground_labels, regions, ignore_label
        )
        return ComposeTransforms([*transforms, labels])
