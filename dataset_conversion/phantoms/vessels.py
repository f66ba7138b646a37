"""Branching trees of pulmonary vessels and bronchi."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.phantoms.geometry import PhantomGrid, Vector


@dataclass(frozen=True)
class VesselBranch:
    """One straight piece of a vessel: end points (z, y, x) and radius in mm."""

    start: Vector
    end: Vector
    radius: float


def grow_tree(
    rng: np.random.Generator, root: Vector, heading: Vector, radius: float, inside: NDArray[np.bool_], grid: PhantomGrid
) -> list[VesselBranch]:
    """Grow a binary tree into a region.

    Parameters
    ----------
    rng
        Source of angles and lengths.
    root, heading
        Where the trunk starts (mm) and its direction.
    radius
        Of the trunk, in mm; every branching divides the cross-section (Murray's law, exponent 3).
    inside
        The region on ``grid``: a branch that ends outside is not kept.
    grid
        Voxels of ``inside``.
    """
    branches: list[VesselBranch] = []
    pending = [(np.asarray(root), np.asarray(heading) / np.linalg.norm(heading), radius, 0)]
    while pending:
        start, direction, size, depth = pending.pop()
        end = start + direction * (7.0 + 4.0 * size) * rng.uniform(0.7, 1.3)
        if depth > 1 and not _contains(inside, grid, end):
            continue
        branches.append(VesselBranch(_vector(start), _vector(end), size))
        share = rng.uniform(0.35, 0.65)
        for part in (share, 1 - share):
            child = size * part ** (1 / 3)
            if child > 0.7:
                turned = direction + 0.55 * rng.standard_normal(3)
                pending.append((end, turned / np.linalg.norm(turned), child, depth + 1))
    return branches


def _contains(inside: NDArray[np.bool_], grid: PhantomGrid, point: NDArray[np.float64]) -> bool:
    # Plain numbers: an array of three costs several times as much, and a tree has thousands of branches.
    index = [round((p - o) / s) for p, o, s in zip(point.tolist(), grid.origin, grid.spacing, strict=True)]
    return all(0 <= i < n for i, n in zip(index, inside.shape, strict=True)) and bool(inside[tuple(index)])


def _vector(point: NDArray[np.float64]) -> Vector:
    return float(point[0]), float(point[1]), float(point[2])
