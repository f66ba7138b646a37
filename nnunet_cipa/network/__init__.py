"""Networks for slices of CT and PET: CIPA, and what further ones derive from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
