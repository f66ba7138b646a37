"""Four directions over a map from scans of sequences: what every backend can do, and what the fused one is held to."""

import torch
from torch import Tensor

from nnunet_cipa.ops.cross_arguments import ScanWeights
from nnunet_cipa.ops.interface import selective_scan

DIRECTIONS = 4


def to_directions(maps: Tensor) -> Tensor:
    """Unroll K = 4 maps into sequences: row-major, column-major, and both reversed.

    Parameters
    ----------
    maps : Tensor
        (B, 4, C, H, W), one map a direction (they may be views of one).

    Returns
    -------
    Tensor
        (B, 4, C, H * W).
    """
    rows, columns, rows_back, columns_back = maps.unbind(1)
    return torch.stack(
        (
            rows.flatten(2),
            columns.transpose(2, 3).flatten(2),
            rows_back.flatten(2).flip(-1),
            columns_back.transpose(2, 3).flatten(2).flip(-1),
        ),
        dim=1,
    )


def sum_directions(sequences: Tensor, height: int, width: int) -> Tensor:
    """Undo each direction's order and add the four: (B, 4, C, H * W) to (B, C, H, W)."""
    forward, backward = sequences.chunk(2, dim=1)
    both = forward + backward.flip(-1)
    rows, columns = both.unbind(1)
    return rows.unflatten(-1, (height, width)) + columns.unflatten(-1, (width, height)).transpose(2, 3)


def project(tokens: Tensor, weights: ScanWeights) -> Tensor:
    """Project every token to raw dt (low rank), B and C of all directions: (B, d, L) to (B, K, R + 2N, L)."""
    return (weights.x_proj.flatten(0, 1) @ tokens).unflatten(1, weights.x_proj.shape[:2])


def scan_sequences(sequences: Tensor, projections: Tensor, weights: ScanWeights, backend: str | None = None) -> Tensor:
    """Scan K sequences.

    Parameters
    ----------
    sequences : Tensor
        (B, K, d, L), tokens in each direction's order.
    projections : Tensor
        (B, K, R + 2N, L), what ``project`` gave, in the same order.
    weights : ScanWeights
        The parameters.
    backend : str, optional
        As for ``selective_scan``.

    Returns
    -------
    Tensor
        (B, K, d, L).
    """
    rank, states = weights.dt_proj.shape[2], weights.A.shape[2]
    low_rank_dt, b, c = projections.split((rank, states, states), dim=2)
    dt = weights.dt_proj @ low_rank_dt
    out = selective_scan(
        sequences.flatten(1, 2),
        dt.flatten(1, 2),
        weights.A.flatten(0, 1),
        b,
        c,
        weights.D.flatten(),
        delta_bias=weights.dt_bias.flatten(),
        delta_softplus=True,
        backend=backend,
    )
    return out.view(sequences.shape)


def scan_directions(x: Tensor, weights: ScanWeights, backend: str | None = None) -> Tensor:
    """Do what ``cross_scan`` does by putting every direction's sequence in order: (B, H, W, d) to the same shape."""
    size = x.shape[1:3]
    x = x.permute(0, 3, 1, 2).contiguous()
    projections = project(x.flatten(2), weights).unflatten(-1, size)
    return scan_projected(x, projections, weights, backend)


def scan_projected(x: Tensor, projections: Tensor, weights: ScanWeights, backend: str | None = None) -> Tensor:
    """Scan a map whose projections are there: (B, d, H, W) and (B, 4, R + 2N, H, W) to (B, H, W, d)."""
    height, width = x.shape[2:]
    sequences = x.unsqueeze(1).expand(-1, DIRECTIONS, -1, -1, -1)
    y = scan_sequences(to_directions(sequences), to_directions(projections), weights, backend)
    return sum_directions(y, height, width).permute(0, 2, 3, 1)
