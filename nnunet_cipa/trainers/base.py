"""A trainer of any network of this package, which the trainers that ``-tr`` names derive from."""

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.orientation import check_axial
from nnunet_cipa.switches import read_switch
from nnunet_cipa.trainers.air import skip_air_as_told
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE, encoder_file
from nnunet_cipa.trainers.plans import plan_network
from nnunet_cipa.trainers.recipe.training import PaperRecipe
from nnunet_cipa.trainers.robust.nonfinite import NonFiniteGuard
from nnunet_cipa.trainers.robust.resuming import ResumableTraining
from nnunet_cipa.trainers.robust.side_by_side import SideBySideTraining
from nnunet_cipa.trainers.robust.threads import FittingThreads
from nnunet_cipa.trainers.sampling import Geometry, Sampling, SingleSlices
from nnunet_cipa.weights import load_encoder

CHECKPOINTING_VARIABLE = "NNUNET_CIPA_ACTIVATION_CHECKPOINTING"


class PETCTTrainer(NonFiniteGuard, ResumableTraining, SideBySideTraining, FittingThreads, PaperRecipe):
    """Trains a network of this package on nnU-Net's plans, as ``PaperRecipe`` tells.

    A subclass names the network, and may add to the rest:

    - ``network_class_name``: dotted path of a ``PETCTNetwork``.
    - ``architecture``: arguments of the network that differ from its defaults; it replaces that of the parent.
    - ``sampling``: what a sample is, by itself ``SingleSlices()``, or ``SliceWindows()`` for a network on neighbours.
    - ``encoder_of``: dotted path of the network whose encoder, and file of it, the network has, if not its own.
    - ``batch_dice``: whether the loss takes Dice of the batch as one, or of each sample; None is as the plans have it.
    - ``settings``: values of attributes, nnU-Net's too; a subclass adds its own to those of its parents.

    Everything else is nnU-Net's: planning, preprocessing, batch size, folds, losses, logging.

    A new training takes the encoder from the file that ``NNUNET_CIPA_ENCODER`` names, if it is set (see
    ``encoder_file``); with ``-pretrained_weights`` and ``--c`` the checkpoint decides.

    With ``activation_checkpointing`` a training needs less memory and more time, and ends with the same weights.
    ``NNUNET_CIPA_ACTIVATION_CHECKPOINTING``, 1 or 0, goes before the attribute.

    Raises
    ------
    CIPAError
        If dataset.json does not name one CT and one PET channel, a variable has another value, ``settings`` names
        no attribute, or network and sampling do not fit together.
    NotImplementedError
        For a cascade, a three-dimensional configuration, or slices that are not axial.
    """

    network_class_name: ClassVar[str]
    architecture: ClassVar[dict[str, Any]] = {}
    encoder_of: ClassVar[str | None] = None
    sampling: ClassVar[Sampling] = SingleSlices()
    batch_dice: ClassVar[bool | None] = None
    activation_checkpointing = False

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
        self._best_ema = -math.inf  # nnU-Net takes any first value for the best if there is none, NaN too
        for owner in reversed(type(self).__mro__):
            for name, value in vars(owner).get("settings", {}).items():
                if not hasattr(self, name):
                    raise CIPAError(f"{owner.__name__}: settings has {name!r}, and trainers have no such attribute")
                setattr(self, name, value)

    @classmethod
    def edit_plans(cls, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]) -> None:
        """Put this trainer's patch and network, and what Dice is of, into one configuration of the plans."""
        plan_network(plans, configuration, dataset_json, cls.network_class_name, cls.architecture, cls.sampling)
        if cls.batch_dice is not None:
            plans["configurations"][configuration]["batch_dice"] = cls.batch_dice

    @classmethod
    def encoder_name(cls) -> str:
        """Return the name of the network's file in a folder of encoders: its class, and the backbone if it is given."""
        network, backbone = cls.encoder_of or cls.network_class_name, cls.architecture.get("backbone")
        name = network.rpartition(".")[2]
        return f"{name}_{backbone}" if backbone else name

    @staticmethod
    def build_network_architecture(
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> torch.nn.Module:
        """Build the network of the plans; it leaves out air if ``NNUNET_CIPA_SKIP_AIR`` is set."""
        network: torch.nn.Module = nnUNetTrainer.build_network_architecture(
            plans_manager, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )
        skip_air_as_told(network, plans_manager.plans, configuration_manager, num_output_channels)
        return network

    def initialize(self) -> None:
        """Build the network as nnU-Net does, and switch activation checkpointing on or off."""
        wanted = read_switch(CHECKPOINTING_VARIABLE, self.activation_checkpointing)
        super().initialize()
        self.unwrapped_network().set_activation_checkpointing(wanted)
        if wanted:
            self.print_to_log_file("activation checkpointing: blocks are computed again in the backward pass")

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Geometry:  # noqa: N802 - nnU-Net's name
        """Choose what depends on the patch size, as the samples need it."""
        return self.sampling.choose_geometry(self)

    def _build_loss(self) -> torch.nn.Module:
        return self.sampling.adapt_loss(super()._build_loss())

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Make the loaders of training and validation samples."""
        return self.sampling.make_loaders(self)

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """Return the training and validation cases of the fold, whose slices have to be axial."""
        datasets = super().get_tr_and_val_datasets()
        cases = {case: dataset for dataset in datasets for case in dataset.identifiers}
        check_axial(Path(datasets[0].source_folder), sorted(cases))
        remark = self.sampling.remark(self, cases)
        if remark:
            self.print_to_log_file(remark)
        return datasets

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Validate on one batch; a case that is not finite ends no training, see ``NonFiniteGuard``."""
        intensities = self.unwrapped_network().intensities
        intensities.is_checked = False
        try:
            return super().validation_step(batch)
        finally:
            intensities.is_checked = True

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Do nothing: these networks have one output."""

    def on_train_start(self) -> None:
        """Load the encoder into a network that no checkpoint was loaded into, then start as nnU-Net does."""
        if not self.was_initialized:
            self.initialize()
            self._load_encoder()
        super().on_train_start()

    def _load_encoder(self) -> None:
        path = encoder_file(self.encoder_name())
        if path is not None:
            count = load_encoder(self.unwrapped_network(), path)
            self.print_to_log_file(f"encoder: {count} tensors from {path} ({ENCODER_VARIABLE})")
