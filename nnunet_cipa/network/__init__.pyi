from .cipa.network import CIPA
from .cipa.variants import VARIANTS, Variant
from .petct import PETCTNetwork

__all__ = ["CIPA", "VARIANTS", "PETCTNetwork", "Variant"]
