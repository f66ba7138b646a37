"""CIPA on single slices, and table 4 of the CVPR paper: without CRM, without DCIM, and without both."""

from typing import Any, ClassVar

from nnunet_cipa.trainers.base import PETCTTrainer


class nnUNetTrainerCIPA(PETCTTrainer):
    """CIPA on single slices, trained as in the CVPR paper."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.CIPA"


class nnUNetTrainerCIPA_noCRM(nnUNetTrainerCIPA):
    """CIPA without the channel-wise rectification module."""

    architecture: ClassVar[dict[str, Any]] = {"crm": False}


class nnUNetTrainerCIPA_noDCIM(nnUNetTrainerCIPA):
    """CIPA without the dynamic cross-modality interaction module."""

    architecture: ClassVar[dict[str, Any]] = {"dcim": False}


class nnUNetTrainerCIPA_noCRM_noDCIM(nnUNetTrainerCIPA):
    """The shared encoder and the decoder alone; CT and PET features are added."""

    architecture: ClassVar[dict[str, Any]] = {"crm": False, "dcim": False}
