"""The trainers whose loss takes Dice of each slice."""

from typing import ClassVar

from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM


class nnUNetTrainerCIPA_sliceDice(nnUNetTrainerCIPA):
    """CIPA on single slices, trained by Dice of each slice."""

    batch_dice: ClassVar[bool | None] = False


class nnUNetTrainerCIPASIM_sliceDice(nnUNetTrainerCIPASIM):
    """Three slices and SIM, trained by Dice of each slice."""

    batch_dice: ClassVar[bool | None] = False
