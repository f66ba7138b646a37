"""A radiotherapy PET/CT study set to nnU-Net's raw format."""

from nnunet_cipa.dataset_conversion.lucid.convert import Conversion, Options, convert_lucid

__all__ = ["Conversion", "Options", "convert_lucid"]
