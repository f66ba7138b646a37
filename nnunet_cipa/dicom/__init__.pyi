from .suv.folder import read_suv

__all__ = ["read_suv"]
