"""PCLT20K, as its authors publish it, to nnU-Net's raw format."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
