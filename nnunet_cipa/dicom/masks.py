"""Takes a mask from the grid that it was made on to another."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError

PARALLEL = 1e-4


def steps_of(grid: sitk.Image) -> NDArray[np.float64]:
    """Return the way in mm from one voxel to the next along each axis, as columns."""
    return np.reshape(grid.GetDirection(), (3, 3)) * np.asarray(grid.GetSpacing())


def onto_grid(mask: sitk.Image, grid: sitk.Image, name: str) -> sitk.Image:
    """Take a mask onto another grid by nearest neighbour.

    Parameters
    ----------
    mask
        uint8, 0 and 1.
    grid
        Image with the wanted geometry.
    name
        What errors call the mask.

    Raises
    ------
    CIPAError
        If a voxel of the mask lies beyond the grid, or no voxel of the grid is nearest to one.
    """
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, ::-1]
    places = inside @ steps_of(mask).T + np.asarray(mask.GetOrigin())
    index = np.linalg.solve(steps_of(grid), (places - np.asarray(grid.GetOrigin())).T).T
    # Voxels of the mask may reach over the border of the grid by half of their size
    half = np.abs(np.linalg.solve(steps_of(grid), steps_of(mask))).sum(axis=1) / 2 + 0.5
    beyond = ((index < -half) | (index > np.asarray(grid.GetSize()) - 1 + half)).any(axis=1)
    if beyond.any():
        raise CIPAError(
            f"{name}: {np.count_nonzero(beyond)} of its {len(inside)} voxels lie beyond the CT; give one that covers it"
        )
    taken = sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, sitk.sitkUInt8)
    if len(inside) and not sitk.GetArrayViewFromImage(taken).any():
        raise CIPAError(f"{name}: its {len(inside)} voxels are too small for the grid of the CT; give a finer CT")
    return taken


def planes_of(grid: sitk.Image, other: sitk.Image) -> sitk.Image:
    """Return an empty mask on the slices of a grid with the columns and rows of another, where they are parallel.

    Contours keep the outline that they were drawn with so, where the pixels of the grid are larger than the other's.
    """
    if not np.allclose(grid.GetDirection(), other.GetDirection(), atol=PARALLEL):
        return grid
    between = np.reshape(other.GetDirection(), (3, 3)).T @ np.subtract(grid.GetOrigin(), other.GetOrigin())
    columns, rows, _ = other.GetSize()
    made = sitk.Image(columns, rows, grid.GetDepth(), sitk.sitkUInt8)
    made.SetSpacing((*other.GetSpacing()[:2], grid.GetSpacing()[2]))
    made.SetDirection(other.GetDirection())
    along = np.reshape(other.GetDirection(), (3, 3))[:, 2] * between[2]
    made.SetOrigin((np.asarray(other.GetOrigin()) + along).tolist())
    return made
