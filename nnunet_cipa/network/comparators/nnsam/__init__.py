"""nnSAM: nnU-Net, whose decoder also gets what a frozen SAM encoder sees."""

from nnunet_cipa.network.comparators.nnsam.network import NnSAM

__all__ = ["NnSAM"]
