"""DFormer: an encoder of two streams, in which PET weighs and is fused with CT block by block, and a Hamburger head."""

from nnunet_cipa.network.comparators.dformer.network import DFormer

__all__ = ["DFormer"]
