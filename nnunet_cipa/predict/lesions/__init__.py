"""Measures of the lesions of a predicted patient: as CSV, for pages, and as DICOM SR."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
