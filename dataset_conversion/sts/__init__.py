"""Soft-tissue-Sarcoma: PET/CT of the extremities with the tumour's mass and edema in DICOM, to nnU-Net's raw format."""

from nnunet_cipa.dataset_conversion.registry import Converter, register
from nnunet_cipa.dataset_conversion.sts import command

register(Converter("sts", "Soft-tissue-Sarcoma: DICOM with GTV_Mass and GTV_Edema", command.convert))
