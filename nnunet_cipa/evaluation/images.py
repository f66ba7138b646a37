"""Images of cases, as the functions of this package take them."""

from nnunet_cipa.files.volumes import Volume, check_same_geometry, read_mask, read_volume

__all__ = ["Volume", "check_same_geometry", "read_mask", "read_volume"]
