"""Image files as arrays with their geometry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti import check_nifti

# NIfTI stores positions as 32-bit floats, so equal geometries differ by rounding.
_TOLERANCE_MM = 1e-3


@dataclass(frozen=True)
class Volume:
    """One image of a case.

    Attributes
    ----------
    path : Path
        The file it was read from.
    array : ndarray
        Voxels, (z, y, x).
    spacing : tuple of float
        Voxel size in mm, (z, y, x).
    origin, direction : tuple of float
        Position of the first voxel in mm, (x, y, z), and direction cosines, as SimpleITK gives them.
    """

    path: Path
    array: NDArray[Any]
    spacing: tuple[float, float, float]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml."""
        return float(np.prod(self.spacing)) / 1000


def read_volume(path: Path) -> Volume:
    """Read a three-dimensional image of one channel.

    Raises
    ------
    CIPAError
        If there is no such file, it cannot be read, it is not such an image, or holds values that are not finite.
    """
    if not path.is_file():
        raise CIPAError(f"{path}: no such file; complete the folder, or give another")
    if path.name.endswith((".nii", ".nii.gz")):
        check_nifti(path)
    try:
        image = sitk.ReadImage(path)
    except RuntimeError as error:
        raise CIPAError(f"{path}: cannot be read as an image, so it is damaged or no image; write it again") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise CIPAError(
            f"{path}: has {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} components; "
            "give a three-dimensional image of one channel"
        )
    array = sitk.GetArrayFromImage(image)
    if not np.isfinite(array).all():
        raise CIPAError(f"{path}: holds NaN or infinity; write the image again")
    x, y, z = image.GetSpacing()
    return Volume(path, array, (z, y, x), image.GetOrigin(), image.GetDirection())


def read_mask(path: Path, label: int | None = None) -> Volume:
    """Read a label map; the array is True where it has the label.

    Parameters
    ----------
    path : Path
        The file.
    label : int, optional
        What counts as inside, other values being background. None for 1 in a mask of 0 and 1 alone.

    Raises
    ------
    CIPAError
        If it cannot be read, or holds other values than 0 and 1 and no label is chosen.
    """
    volume = read_volume(path)
    if label is None:
        others = volume.array[(volume.array != 0) & (volume.array != 1)]
        if others.size:
            raise CIPAError(
                f"{path}: holds {others.min():g} where only 0 and 1 are expected; give a label map of background and "
                "tumour, or choose its label (--label in evaluate)"
            )
    return Volume(
        path, volume.array == (1 if label is None else label), volume.spacing, volume.origin, volume.direction
    )


def check_same_geometry(first: Volume, *others: Volume) -> None:
    """Refuse images that do not lie on one voxel grid.

    Raises
    ------
    CIPAError
        If size, spacing, origin or direction differ; the message names both files and both values.
    """
    for other in others:
        pairs = {
            "size": (first.array.shape, other.array.shape),
            "spacing": (first.spacing, other.spacing),
            "origin": (first.origin, other.origin),
            "direction": (first.direction, other.direction),
        }
        for name, (expected, found) in pairs.items():
            if len(expected) != len(found) or not np.allclose(expected, found, rtol=0, atol=_TOLERANCE_MM):
                raise CIPAError(
                    f"{other.path}: has {name} {_numbers(found)} and {first.path} has {_numbers(expected)}; bring both "
                    "onto one voxel grid"
                )


def _numbers(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:.6g}' for value in values)})"
