"""A radiotherapy PET/CT study set to nnU-Net's raw format."""

from .convert import Conversion, Options, convert_lucid

__all__ = ["Conversion", "Options", "convert_lucid"]
