"""Scores of predicted tumours, and the checks and statistics of a cross-validation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
