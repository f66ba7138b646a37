"""LayerNorm with a gate, the end of a selective scan in the network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.interface import choose_constant_backend
from nnunet_cipa.ops.numba.layout import LANES


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
        (..., d). In float32 on the CPU, where the scan runs by numba, one kernel computes it and keeps y, gate, mean
        and deviation for the backward pass; elsewhere torch's operators do, which torch.compile joins.
    """
    arguments = (y, gate, weight, bias)
    if torch.compiler.is_compiling() or not _by_numba(*arguments):
        return F.layer_norm(y, (y.shape[-1],), weight, bias, eps) * F.silu(gate)
    from nnunet_cipa.ops.numba.gated_norm import GatedNorm  # noqa: PLC0415 - it is not needed on a GPU

    gated: Tensor = GatedNorm.apply(*(one.contiguous() for one in arguments), eps)
    return gated


def _by_numba(*arguments: Tensor) -> bool:
    if not all(one.device.type == "cpu" and one.dtype == torch.float32 for one in arguments):
        return False
    if arguments[0].shape[-1] % LANES:
        return False
    return choose_constant_backend(None, "cpu", torch.float32, LANES, False, False) == "numba"
