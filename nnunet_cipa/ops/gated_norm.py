"""LayerNorm with a gate, the end of a selective scan in the network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.choice import preferred_backend
from nnunet_cipa.ops.registry import gated_norm_of


def gated_norm(y: Tensor, gate: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise over the channels and multiply by SiLU of a gate: LayerNorm(y) * SiLU(gate).

    Parameters
    ----------
    y, gate : Tensor
        (..., d), of one shape.
    weight, bias : Tensor
        (d,), of the LayerNorm.
    eps : float
        Added to the variance.

    Returns
    -------
    Tensor
        (..., d). The backend of the scan may have a kernel for it, which keeps y, gate, mean and deviation for the
        backward pass; otherwise torch's operators compute it, which torch.compile joins.
    """
    if not torch.compiler.is_compiling():
        kernel = gated_norm_of(preferred_backend(y.device.type))
        if kernel is not None and kernel.takes(y, gate, weight, bias):
            return kernel.gated_norm(y, gate, weight, bias, eps)
    return F.layer_norm(y, (y.shape[-1],), weight, bias, eps) * F.silu(gate)
