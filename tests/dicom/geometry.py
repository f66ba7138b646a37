"""Grids in every orientation, and shapes with known areas."""

import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

# Direction of columns and rows of an image; the third axis follows the right-hand rule unless it is turned.
ORIENTATIONS = {
    "axial": np.eye(3),
    "axial, feet first": np.diag([-1.0, 1, -1]),
    "axial, prone": np.diag([-1.0, -1, 1]),
    "axial, slices downwards": np.diag([1.0, 1, -1]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "sagittal": np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]),
    "tilted": Rotation.from_euler("x", 17, degrees=True).as_matrix(),
    "oblique": Rotation.from_euler("xyz", (11, -23, 40), degrees=True).as_matrix(),
}


def make_grid(size=(40, 30, 6), spacing=(1.0, 1.0, 3.0), direction="axial", origin=(-20.5, 13.25, -300.0)):
    """An empty image; ``direction`` is a name of ``ORIENTATIONS`` or a matrix with the axes as columns."""
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    matrix = ORIENTATIONS[direction] if isinstance(direction, str) else direction
    image.SetDirection(np.ravel(matrix).tolist())
    return image


def to_points(grid, polygon, k):
    """Points in mm of a polygon in continuous (column, row) index on slice k, by ITK."""
    return np.array([grid.TransformContinuousIndexToPhysicalPoint((float(c), float(r), float(k))) for c, r in polygon])


def circle(centre, radii, count=400):
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.asarray(centre) + np.column_stack([np.cos(angles), np.sin(angles)]) * radii


def rectangle(left, top, right, bottom):
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float)


@st.composite
def grids(draw, size=(24, 20, 5)):
    """Grids of any orientation and anisotropic spacing."""
    spacing = [draw(st.floats(0.3, 5)) for _ in range(3)]
    origin = [draw(st.floats(-500, 500)) for _ in range(3)]
    rotation = Rotation.from_euler("xyz", [draw(st.floats(-180, 180)) for _ in range(3)], degrees=True).as_matrix()
    rotation[:, 2] *= draw(st.sampled_from([1, -1]))
    return make_grid(size, spacing, rotation, origin)
