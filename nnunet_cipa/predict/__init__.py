"""A new patient: from a PET/CT study without contours to masks, a structure set, measures and a page."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
