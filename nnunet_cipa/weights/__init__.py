"""Weights from elsewhere: the released CIPA network, VMamba's ImageNet encoder, and what nnU-Net can load of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
