"""DICOM: series and their pixels, SUV, structure sets, segmentations, and the way back to the clinic."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
