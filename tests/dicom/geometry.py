"""Grids in every orientation, and shapes with known areas."""

import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from skimage.measure import find_contours

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


def far_from_line(polygon, shape, distance):
    """Which centres of pixels, (rows, columns), are farther than ``distance`` from every edge of a polygon."""
    start = np.asarray(polygon, dtype=float)
    way = np.roll(start, -1, axis=0) - start
    row, column = np.indices(shape)
    centres = np.stack([column, row], axis=-1)[..., None, :]
    length = np.maximum((way**2).sum(axis=1), 1e-300)
    along = np.clip(((centres - start) * way).sum(axis=-1) / length, 0, 1)
    nearest = start + along[..., None] * way
    return np.sqrt(((centres - nearest) ** 2).sum(axis=-1)).min(axis=-1) > distance


def traced_through_centres(mask):
    """Polygons through the centres of a mask's outermost pixels, also those round a hole, as OpenCV traces masks."""
    found = find_contours(np.pad(mask, 1).astype(float), 1 - 1e-9)
    return [np.round(polygon[:-1, ::-1]) - 1 for polygon in found]


@st.composite
def grids(draw, size=(24, 20, 5)):
    """Grids of any orientation and anisotropic spacing."""
    spacing = [draw(st.floats(0.3, 5)) for _ in range(3)]
    origin = [draw(st.floats(-500, 500)) for _ in range(3)]
    rotation = Rotation.from_euler("xyz", [draw(st.floats(-180, 180)) for _ in range(3)], degrees=True).as_matrix()
    rotation[:, 2] *= draw(st.sampled_from([1, -1]))
    return make_grid(size, spacing, rotation, origin)
