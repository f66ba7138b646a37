"""Trainers of networks that read neighbouring slices: nnUNetTrainerCIPA25D, and those with SIM."""

from typing import Any, ClassVar

from nnunet_cipa.trainers.sampling import Sampling, SliceWindows
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA


class nnUNetTrainerCIPA25D(nnUNetTrainerCIPA):
    """CIPA on windows of three neighbouring slices, without SIM; everything else is nnUNetTrainerCIPA's.

    A training sample is a window of which every slice of a case can be the centre; the target is the centre slice.
    Neighbours beyond the case are copies of its nearest slice in training and in prediction alike. Tiles of a case with
    more slices than ``sampling.tile_depth`` overlap by half. Test-time mirroring is in plane.
    """

    architecture: ClassVar[dict[str, Any]] = {"slices": 3}
    sampling: ClassVar[Sampling] = SliceWindows()


class nnUNetTrainerCIPA25D_5slices(nnUNetTrainerCIPA25D):
    """Five slices instead of three, without SIM."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 5}


class nnUNetTrainerCIPASIM(nnUNetTrainerCIPA25D):
    """Three slices and the slice interaction module on the encoder's feature maps: the IGTV paper's model."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "encoder"}


class nnUNetTrainerCIPASIM_5slices(nnUNetTrainerCIPASIM):
    """Five slices instead of three."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 5, "sim": "encoder"}


class nnUNetTrainerCIPASIM_learnable(nnUNetTrainerCIPASIM):
    """The weights of SIM's branches are learned."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "encoder", "sim_learnable": True}


class nnUNetTrainerCIPASIM_input(nnUNetTrainerCIPASIM):
    """SIM on the three slices, before the encoder."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input"}


class nnUNetTrainerCIPASIM_features(nnUNetTrainerCIPASIM):
    """The three slices are encoded one by one, and SIM joins their features at each stage."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "features"}
    sampling: ClassVar[Sampling] = SliceWindows(tile_depth=64)  # the features of all slices of a tile are held at once


class nnUNetTrainerCIPASIM_dynamic(nnUNetTrainerCIPASIM):
    """Beside the three slices, two that attention composes of three on each side, by content and distance in mm."""

    network_class_name: ClassVar[str] = "nnunet_cipa.network.dynamic.network.CIPADynamic"
    encoder_of: ClassVar[str] = nnUNetTrainerCIPASIM.network_class_name
    architecture: ClassVar[dict[str, Any]] = {"slices": 7, "sim": "encoder"}


class nnUNetTrainerCIPASIM_noChannel(nnUNetTrainerCIPASIM):
    """SIM without its channel attention ("what")."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "encoder", "sim_branches": ["spatial", "relation"]}


class nnUNetTrainerCIPASIM_noSpatial(nnUNetTrainerCIPASIM):
    """SIM without its spatial attention ("where")."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "encoder", "sim_branches": ["channel", "relation"]}


class nnUNetTrainerCIPASIM_noRelation(nnUNetTrainerCIPASIM):
    """SIM without its slice relation."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "encoder", "sim_branches": ["channel", "spatial"]}
