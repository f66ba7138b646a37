"""HECKTOR: head and neck FDG PET/CT in NIfTI with primary tumours and nodes, to nnU-Net's raw format."""

from nnunet_cipa.dataset_conversion.hecktor import command
from nnunet_cipa.dataset_conversion.registry import Converter, register

register(Converter("hecktor", "HECKTOR: head and neck PET/CT with GTVp and GTVn", command.convert))
