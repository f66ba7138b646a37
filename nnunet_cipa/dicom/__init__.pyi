from .rtstruct.read_roi import read_roi
from .suv.folder import read_suv

__all__ = ["read_roi", "read_suv"]
