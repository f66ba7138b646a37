"""PCLT20K, as its authors publish it, to nnU-Net's raw format."""

from .convert import Conversion, Options, convert_pclt20k

__all__ = ["Conversion", "Options", "convert_pclt20k"]
