"""Networks for slices of CT and PET: CIPA, and what further ones derive from."""

from nnunet_cipa.network.cipa.network import CIPA
from nnunet_cipa.network.cipa.variants import VARIANTS, Variant
from nnunet_cipa.network.petct import PETCTNetwork

__all__ = ["CIPA", "VARIANTS", "PETCTNetwork", "Variant"]
