"""The selective scan of Mamba (S6): one function, several backends, chosen by the tensor's device."""

from nnunet_cipa.ops.interface import selective_scan
from nnunet_cipa.ops.registry import available_backends, preferred_backend

__all__ = ["available_backends", "preferred_backend", "selective_scan"]
