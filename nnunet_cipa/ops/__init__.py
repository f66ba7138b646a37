"""The selective scan of Mamba (S6): of a sequence and of a map; several backends, chosen by the tensor's device."""

from nnunet_cipa.ops.choice import preferred_backend
from nnunet_cipa.ops.cross_arguments import ScanWeights
from nnunet_cipa.ops.cross_scan import cross_scan
from nnunet_cipa.ops.gated_norm import gated_norm
from nnunet_cipa.ops.interface import selective_scan
from nnunet_cipa.ops.registry import available_backends

__all__ = ["ScanWeights", "available_backends", "cross_scan", "gated_norm", "preferred_backend", "selective_scan"]
