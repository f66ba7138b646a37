"""The CIPA network: shared VMamba encoder, CRM and DCIM at each stage, channel-aware VSS decoder."""

from nnunet_cipa.network.cipa import CIPA
from nnunet_cipa.network.variants import VARIANTS, Variant

__all__ = ["CIPA", "VARIANTS", "Variant"]
