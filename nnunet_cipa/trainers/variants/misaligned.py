"""The trainers that move PET against CT."""

from nnunet_cipa.trainers.recipe.misalignment import Misaligned
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM


class nnUNetTrainerCIPA_misaligned(Misaligned, nnUNetTrainerCIPA):
    """CIPA on single slices, whose PET is moved against CT in training."""


class nnUNetTrainerCIPASIM_misaligned(Misaligned, nnUNetTrainerCIPASIM):
    """Three slices and SIM, whose PET is moved against CT in training."""
