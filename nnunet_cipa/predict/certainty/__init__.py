"""Certainty of a prediction: members of a model compared with each other, voxel by voxel and as wholes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
