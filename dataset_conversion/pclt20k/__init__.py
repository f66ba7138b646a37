"""PCLT20K, as its authors publish it, to nnU-Net's raw format."""

import lazy_loader

from nnunet_cipa.dataset_conversion.pclt20k import command
from nnunet_cipa.dataset_conversion.registry import Converter, register

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register(Converter("pclt20k", "PCLT20K: PNG slices to one NIfTI case per patient", command.convert))
