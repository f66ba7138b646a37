"""Speed and memory of the scan and of the network, on the machine at hand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
