"""nnU-Net trainers, by the names that go after ``-tr``."""

from nnunet_cipa.trainers.base import PETCTTrainer as PETCTTrainer
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA as nnUNetTrainerCIPA
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA_noCRM as nnUNetTrainerCIPA_noCRM
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA_noCRM_noDCIM as nnUNetTrainerCIPA_noCRM_noDCIM
from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA_noDCIM as nnUNetTrainerCIPA_noDCIM
from nnunet_cipa.trainers.variants.comparators import nnUNetTrainerAsymFormer as nnUNetTrainerAsymFormer
from nnunet_cipa.trainers.variants.comparators import nnUNetTrainerCMX as nnUNetTrainerCMX
from nnunet_cipa.trainers.variants.comparators import nnUNetTrainerSigma as nnUNetTrainerSigma
from nnunet_cipa.trainers.variants.demo import nnUNetTrainerCIPA25D_demoTransfer as nnUNetTrainerCIPA25D_demoTransfer
from nnunet_cipa.trainers.variants.demo import nnUNetTrainerCIPA_demo as nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.variants.demo import nnUNetTrainerCIPA_demoTransfer as nnUNetTrainerCIPA_demoTransfer
from nnunet_cipa.trainers.variants.demo import nnUNetTrainerCIPASIM_demo as nnUNetTrainerCIPASIM_demo
from nnunet_cipa.trainers.variants.demo import nnUNetTrainerCIPASIM_demoTransfer as nnUNetTrainerCIPASIM_demoTransfer
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPA25D as nnUNetTrainerCIPA25D
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPA25D_5slices as nnUNetTrainerCIPA25D_5slices
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM as nnUNetTrainerCIPASIM
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_5slices as nnUNetTrainerCIPASIM_5slices
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_features as nnUNetTrainerCIPASIM_features
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_input as nnUNetTrainerCIPASIM_input
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_learnable as nnUNetTrainerCIPASIM_learnable
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_noChannel as nnUNetTrainerCIPASIM_noChannel
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_noRelation as nnUNetTrainerCIPASIM_noRelation
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPASIM_noSpatial as nnUNetTrainerCIPASIM_noSpatial
from nnunet_cipa.trainers.variants.transfer import nnUNetTrainerCIPA25DTransfer as nnUNetTrainerCIPA25DTransfer
from nnunet_cipa.trainers.variants.transfer import nnUNetTrainerCIPASIMTransfer as nnUNetTrainerCIPASIMTransfer
from nnunet_cipa.trainers.variants.transfer import nnUNetTrainerCIPATransfer as nnUNetTrainerCIPATransfer

# What nnU-Net finds, and what a message offers
__all__ = [name for name in sorted(globals()) if name.startswith("nnUNetTrainer")]
