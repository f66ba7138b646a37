"""CIPA on single slices, its backbones of table 2 of the CVPR paper, and its modules of tables 4 and 6."""

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


class nnUNetTrainerCIPA_regionPET_localPET(nnUNetTrainerCIPA):
    """CIPA whose DCIM reads PET in both branches."""

    architecture: ClassVar[dict[str, Any]] = {"dcim_variant": "pet_pet"}


class nnUNetTrainerCIPA_regionCT_localCT(nnUNetTrainerCIPA):
    """CIPA whose DCIM reads CT in both branches."""

    architecture: ClassVar[dict[str, Any]] = {"dcim_variant": "ct_ct"}


class nnUNetTrainerCIPA_regionCT_localPET(nnUNetTrainerCIPA):
    """CIPA in whose DCIM CT and PET change places."""

    architecture: ClassVar[dict[str, Any]] = {"dcim_variant": "ct_pet"}


class nnUNetTrainerCIPA_localCT(nnUNetTrainerCIPA):
    """CIPA whose DCIM scans CT inside regions, and does not scan PET over them."""

    architecture: ClassVar[dict[str, Any]] = {"dcim_variant": "local_ct"}


class nnUNetTrainerCIPA_regionPET(nnUNetTrainerCIPA):
    """CIPA whose DCIM scans PET over regions, and does not scan CT inside them."""

    architecture: ClassVar[dict[str, Any]] = {"dcim_variant": "region_pet"}


class nnUNetTrainerCIPA_ResNet50(nnUNetTrainerCIPA):
    """CIPA with one ResNet-50 for CT and PET."""

    architecture: ClassVar[dict[str, Any]] = {"backbone": "resnet50"}


class nnUNetTrainerCIPA_SwinT(nnUNetTrainerCIPA):
    """CIPA with a Swin-T for CT and one for PET, and CMX's rectification and fusion."""

    architecture: ClassVar[dict[str, Any]] = {"backbone": "swin_t"}


class nnUNetTrainerCIPA_SwinTShared(nnUNetTrainerCIPA):
    """CIPA with one Swin-T for CT and PET, in the place of VMamba."""

    architecture: ClassVar[dict[str, Any]] = {"backbone": "swin_t_shared"}
