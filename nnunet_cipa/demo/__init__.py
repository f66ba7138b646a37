"""The whole job on synthetic patients, from making them to a page that shows what a network learned from them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
