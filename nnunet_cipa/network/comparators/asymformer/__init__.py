"""AsymFormer: ConvNeXt-Tiny on CT and Mix Transformer B0 on PET, joined into the smaller stream at three stages."""

from nnunet_cipa.network.comparators.asymformer.network import AsymFormer

__all__ = ["AsymFormer"]
