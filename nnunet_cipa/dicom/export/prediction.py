"""Brings a predicted mask back onto the voxels of the CT that it was made from."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti import check_nifti

Value = TypeVar("Value", bound=np.generic)
# A prediction on the CT's own voxels is off by the rounding of its header alone, at most 1e-3 voxels over 512.
WHOLE_VOXELS = 0.05


@dataclass(frozen=True)
class Prediction:
    """A mask as it is in its file.

    Attributes
    ----------
    path
        Of the file.
    image
        Whole numbers, three-dimensional.
    present
        The values in it that are not 0, in ascending order.
    """

    path: Path
    image: sitk.Image
    present: tuple[int, ...]

    @property
    def case(self) -> str:
        """Name of the case: that of the file."""
        return case_of(self.path)

    def on(self, grid: sitk.Image, values: Collection[int]) -> NDArray[np.bool_]:
        """Return where the mask has one of some values, on the voxels of a grid.

        The axes of the file may be in another order or run the other way, as after reorientation to LPS, and it may be
        cropped; its voxels have to be voxels of the grid.

        Parameters
        ----------
        grid
            Image with the geometry of the CT.
        values
            What counts as inside.

        Returns
        -------
        ndarray
            (slices, rows, columns) of the grid.

        Raises
        ------
        CIPAError
            If it has voxels that are none of the grid.
        """
        inside = np.isin(sitk.GetArrayViewFromImage(self.image), list(values))
        return place_values(inside, self.image, grid, self.path)


def case_of(path: Path) -> str:
    """Return the name of the case that a file of nnU-Net's predictions is named by."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read_prediction(path: Path) -> Prediction:
    """Read a NIfTI mask.

    Raises
    ------
    CIPAError
        If the file is damaged, or no mask.
    """
    image = _read(path)
    values = sitk.GetArrayViewFromImage(image)
    if values.dtype.kind == "f" and not np.equal(np.rint(values), values).all():
        raise CIPAError(
            f"{path}: holds values between whole numbers, so it is not a mask; give the prediction's labels"
        )
    return Prediction(path, image, tuple(int(value) for value in np.unique(values) if value != 0))


def place_values(values: NDArray[Value], image: sitk.Image, grid: sitk.Image, path: Path) -> NDArray[Value]:
    """Put values of an image's voxels on those of a grid, among zeros (see ``Prediction.on``).

    Parameters
    ----------
    values
        (z, y, x) of the image.
    image, grid
        Their geometry is what counts.
    path
        Names the image in errors.

    Raises
    ------
    CIPAError
        If a voxel of the image is none of the grid.
    """
    size, whole = np.array(image.GetSize()), np.array(grid.GetSize())
    turn, shift = _index_map(image, grid)
    steps, offset = np.rint(turn), np.rint(shift)
    corners = np.array(np.meshgrid(*((0, n - 1) for n in size))).reshape(3, -1)
    off = np.abs((turn - steps) @ corners + (shift - offset)[:, None]).max()
    ends = steps @ (size - 1) + offset
    low, high = np.minimum(offset, ends).astype(int), np.maximum(offset, ends).astype(int)
    is_turn = (np.abs(steps).sum(axis=0) == 1).all() and (np.abs(steps).sum(axis=1) == 1).all()
    if not is_turn or off > WHOLE_VOXELS or (low < 0).any() or (high >= whole).any():
        raise CIPAError(
            f"{path}: its voxels are not those of the CT: {_described(image)}, and the CT has {_described(grid)}; "
            "export a prediction on the CT's grid, or cropped from it by whole voxels"
        )
    columns_rows_slices = values.transpose(2, 1, 0).transpose(np.abs(steps).argmax(axis=1))
    backwards = tuple(np.flatnonzero(steps.sum(axis=1) < 0).tolist())
    placed = np.zeros(whole[::-1], dtype=values.dtype)
    x, y, z = (slice(a, b + 1) for a, b in zip(low, high, strict=True))
    placed[z, y, x] = np.flip(columns_rows_slices, backwards).transpose(2, 1, 0)
    return placed


def _read(path: Path) -> sitk.Image:
    check_nifti(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CIPAError(f"{path}: ITK cannot read it ({str(error).splitlines()[-1]}); write it again") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise CIPAError(f"{path}: has {image.GetDimension()} dimensions; give one three-dimensional mask")
    return image


def _index_map(image: sitk.Image, grid: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and shift that take an index of the image to one of the grid."""
    steps, grid_steps = (np.reshape(i.GetDirection(), (3, 3)) * np.asarray(i.GetSpacing()) for i in (image, grid))
    between = np.subtract(image.GetOrigin(), grid.GetOrigin())
    return np.linalg.solve(grid_steps, steps), np.linalg.solve(grid_steps, between)


def _described(image: sitk.Image) -> str:
    size = " x ".join(str(n) for n in image.GetSize())
    spacing = " x ".join(f"{s:.4f}" for s in image.GetSpacing())
    origin = ", ".join(f"{o:.2f}" for o in image.GetOrigin())
    axes = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    direction = ", ".join(f"{d:.3g}" for d in image.GetDirection())
    return f"{size} voxels of {spacing} mm from ({origin}) along {axes} ({direction})"
