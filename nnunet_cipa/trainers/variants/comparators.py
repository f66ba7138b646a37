"""Trainers of the networks that CIPA is compared with, all on the same slices with the same recipe."""

from typing import Any, ClassVar

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.comparators.ensemble import EnsembleLoss
from nnunet_cipa.trainers.base import PETCTTrainer
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE, encoder_file


class nnUNetTrainerAsymFormer(PETCTTrainer):
    """AsymFormer on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.asymformer.AsymFormer"


class nnUNetTrainerDFormer(PETCTTrainer):
    """DFormer large on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.dformer.DFormer"


class nnUNetTrainerSigma(PETCTTrainer):
    """Sigma tiny on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.sigma.Sigma"


class nnUNetTrainerCMX(PETCTTrainer):
    """CMX with MiT-B2 on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.cmx.CMX"


class nnUNetTrainerSwinUnet(PETCTTrainer):
    """Two Swin-Unets, for CT and PET, on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.swin_unet.SwinUnet"


class nnUNetTrainerCMNeXt(PETCTTrainer):
    """CMNeXt with MiT-B2 for CT on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.cmnext.CMNeXt"


class EnsembleTrainer(PETCTTrainer):
    """A trainer of a network with an output of each modality and their ensemble."""

    def _build_loss(self) -> EnsembleLoss:
        return EnsembleLoss(super()._build_loss())


class nnUNetTrainerCEN(EnsembleTrainer):
    """CEN with ResNet-101 on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.cen.CEN"


class nnUNetTrainerTokenFusion(EnsembleTrainer):
    """TokenFusion with MiT-B3 on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.tokenfusion.TokenFusion"


class nnUNetTrainerTransUNet(PETCTTrainer):
    """Two TransUNets, for CT and PET, on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.transunet.TransUNet"


class nnUNetTrainerGeminiFusion(EnsembleTrainer):
    """GeminiFusion with MiT-B3 on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.geminifusion.GeminiFusion"


class nnUNetTrainerNnSAM(PETCTTrainer):
    """nnSAM, whose frozen encoder comes from MobileSAM's file, on single slices."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.comparators.nnsam.NnSAM"
    settings: ClassVar[dict[str, Any]] = {"freeze_encoder": True}

    def _load_encoder(self) -> None:
        if encoder_file("NnSAM") is None:
            raise CIPAError(
                f"{ENCODER_VARIABLE} is not set, or a folder without NnSAM.pt, and nnSAM's encoder is frozen, so that "
                "its weights would stay random; set it to MobileSAM's file, mobile_sam.pt"
            )
        super()._load_encoder()
