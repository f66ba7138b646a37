"""A radiotherapy PET/CT study set to nnU-Net's raw format."""

import lazy_loader

from nnunet_cipa.dataset_conversion.lucid import command
from nnunet_cipa.dataset_conversion.registry import Converter, register

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register(Converter("lucid", "a radiotherapy PET/CT study set in DICOM or NIfTI, with IGTV", command.convert))
