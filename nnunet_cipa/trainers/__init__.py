"""nnU-Net trainers, by the names that go after ``-tr``."""

from nnunet_cipa.trainers.ablations import (
    nnUNetTrainerCIPA_noCRM,
    nnUNetTrainerCIPA_noCRM_noDCIM,
    nnUNetTrainerCIPA_noDCIM,
)
from nnunet_cipa.trainers.base import nnUNetTrainerCIPA
from nnunet_cipa.trainers.small import nnUNetTrainerCIPA_demo

__all__ = [
    "nnUNetTrainerCIPA",
    "nnUNetTrainerCIPA_demo",
    "nnUNetTrainerCIPA_noCRM",
    "nnUNetTrainerCIPA_noCRM_noDCIM",
    "nnUNetTrainerCIPA_noDCIM",
]
