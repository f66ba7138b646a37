"""The networks that CIPA is compared with, one module or folder each, whose name is the network's."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
