"""TransUNet: a ResNet, a vision transformer on its last map, and a decoder, each for CT and for PET."""

from nnunet_cipa.network.comparators.transunet.network import TransUNet

__all__ = ["TransUNet"]
