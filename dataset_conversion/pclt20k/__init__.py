"""PCLT20K, as its authors publish it, to nnU-Net's raw format."""

from nnunet_cipa.dataset_conversion.pclt20k.convert import Conversion, Options, convert_pclt20k

__all__ = ["Conversion", "Options", "convert_pclt20k"]
