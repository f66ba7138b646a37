"""autoPET: whole-body FDG and PSMA PET/CT in NIfTI, as its archives give it, to nnU-Net's raw format."""

from nnunet_cipa.dataset_conversion.autopet import command
from nnunet_cipa.dataset_conversion.registry import Converter, register

register(Converter("autopet", "autoPET: whole-body FDG and PSMA PET/CT with lesions", command.convert))
