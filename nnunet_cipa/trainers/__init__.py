"""nnU-Net trainers, by the names that go after ``-tr``."""

from nnunet_cipa.trainers.ablations import (
    nnUNetTrainerCIPA_noCRM,
    nnUNetTrainerCIPA_noCRM_noDCIM,
    nnUNetTrainerCIPA_noDCIM,
)
from nnunet_cipa.trainers.base import nnUNetTrainerCIPA
from nnunet_cipa.trainers.slices import (
    nnUNetTrainerCIPA25D,
    nnUNetTrainerCIPA25D_5slices,
    nnUNetTrainerCIPASIM,
    nnUNetTrainerCIPASIM_5slices,
    nnUNetTrainerCIPASIM_features,
    nnUNetTrainerCIPASIM_learnable,
    nnUNetTrainerCIPASIM_noChannel,
    nnUNetTrainerCIPASIM_noRelation,
    nnUNetTrainerCIPASIM_noSpatial,
)
from nnunet_cipa.trainers.small import (
    nnUNetTrainerCIPA25D_demoTransfer,
    nnUNetTrainerCIPA_demo,
    nnUNetTrainerCIPA_demoTransfer,
    nnUNetTrainerCIPASIM_demo,
    nnUNetTrainerCIPASIM_demoTransfer,
)
from nnunet_cipa.trainers.transfer import (
    nnUNetTrainerCIPA25DTransfer,
    nnUNetTrainerCIPASIMTransfer,
    nnUNetTrainerCIPATransfer,
)

__all__ = [
    "nnUNetTrainerCIPA",
    "nnUNetTrainerCIPA25D",
    "nnUNetTrainerCIPA25DTransfer",
    "nnUNetTrainerCIPA25D_5slices",
    "nnUNetTrainerCIPA25D_demoTransfer",
    "nnUNetTrainerCIPASIM",
    "nnUNetTrainerCIPASIMTransfer",
    "nnUNetTrainerCIPASIM_5slices",
    "nnUNetTrainerCIPASIM_demo",
    "nnUNetTrainerCIPASIM_demoTransfer",
    "nnUNetTrainerCIPASIM_features",
    "nnUNetTrainerCIPASIM_learnable",
    "nnUNetTrainerCIPASIM_noChannel",
    "nnUNetTrainerCIPASIM_noRelation",
    "nnUNetTrainerCIPASIM_noSpatial",
    "nnUNetTrainerCIPATransfer",
    "nnUNetTrainerCIPA_demo",
    "nnUNetTrainerCIPA_demoTransfer",
    "nnUNetTrainerCIPA_noCRM",
    "nnUNetTrainerCIPA_noCRM_noDCIM",
    "nnUNetTrainerCIPA_noDCIM",
]
