"""Checks of a predicted patient: what a person should look at in the scan and the mask."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
