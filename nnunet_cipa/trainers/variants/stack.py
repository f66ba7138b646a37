"""The trainer of CIPAStack."""

from typing import ClassVar

from nnunet_cipa.trainers.sampling import Sampling, SliceStacks
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA


class nnUNetTrainerCIPAStack(nnUNetTrainerCIPA):
    """CIPA on stacks of slices, which scans along z join at every stage of the encoder.

    A training sample is a stack of up to eight slices, each with its target; prediction takes a whole case of up to
    ``sampling.tile_depth`` slices at once.
    """

    network_class_name: ClassVar[str] = "nnunet_cipa.network.stack.network.CIPAStack"
    encoder_of: ClassVar[str] = nnUNetTrainerCIPA.network_class_name
    sampling: ClassVar[Sampling] = SliceStacks()
