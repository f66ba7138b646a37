"""The four-direction scan of a map, as the network calls it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops.arguments import compute_dtype
from nnunet_cipa.ops.cross_arguments import CrossArguments, ScanWeights
from nnunet_cipa.ops.cross_op import cross_op
from nnunet_cipa.ops.directions import DIRECTIONS, scan_directions
from nnunet_cipa.ops.interface import choose_constant_backend
from nnunet_cipa.ops.registry import scans_maps


def cross_scan(x: Tensor, weights: ScanWeights, backend: str | None = None) -> Tensor:
    """Scan a map row by row, column by column and both backwards, and add the four results (cross-scan, cross-merge).

    Each direction is the selective scan of Mamba with dt, B and C linear in the token (Liu et al., VMamba, NeurIPS
    2024, section 4.2). Computed in float32, or in float64 if any argument is.

    Parameters
    ----------
    x : Tensor
        (b, h, w, d), in any memory order.
    weights : ScanWeights
        The parameters of the four directions.
    backend : str, optional
        As for ``selective_scan``. Those with a scan of maps read and write the map in place of sequences; for the
        others the sequences are copied into order, and in the order (b, d, h, w) in memory there is one copy less.

    Returns
    -------
    Tensor
        (b, h, w, d) in the type of x.

    Raises
    ------
    CIPAError
        If shapes, types or devices do not fit, or the backend asked for is unknown or cannot take the call.
    """
    if x.dim() != 4:
        raise CIPAError(f"cross_scan: x has shape {tuple(x.shape)}; it must be (b, h, w, d)")
    weights.check(x.shape[3], DIRECTIONS)
    x_proj, *parameters = weights  # torch.compile of torch 2.8 cannot trace a slice of a named tuple
    dtype = compute_dtype((x, *parameters))
    chosen = choose_constant_backend(backend, x.device.type, dtype, weights.A.shape[2], False, False)
    if not scans_maps(chosen):
        return scan_directions(x, weights, chosen)
    projections = F.linear(x, x_proj.flatten(0, 1)).unflatten(-1, x_proj.shape[:2])
    arguments = CrossArguments(x, projections, *parameters)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in arguments)
    y, _ = cross_op(*arguments, keep, chosen)
    return y.to(x.dtype)
