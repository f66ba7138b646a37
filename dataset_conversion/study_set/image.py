"""Reads one NIfTI volume strictly: whole, three-dimensional, axial, with an orientation that is beyond doubt."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.nifti_header import read_nifti_header
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti import check_nifti

# A direction from NIfTI's quaternion in float32 is off by up to 7e-4.
DIRECTION_TOLERANCE = 1e-3
FORMS_TOLERANCE_MM = 0.5
GRID_TOLERANCE_MM = 0.01


def read_nifti(path: Path, *, axial: bool = True) -> sitk.Image:
    """Read a volume as it is stored.

    Parameters
    ----------
    path
        The file.
    axial
        Whether the slices have to be axial; what is resampled by its own direction may be turned.

    Raises
    ------
    CIPAError
        If it is damaged, not three-dimensional, not of real numbers, holds NaN, has no or a doubtful orientation, or
        its slices are not axial though they have to be.
    """
    header = read_nifti_header(path)
    _check_orientation(path, header)
    check_nifti(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CIPAError(f"{path}: ITK cannot read it ({str(error).splitlines()[-1]}); write it again") from error
    if axial:
        check_axial_directions(image, str(path))
    return image


def check_axial_directions(image: sitk.Image, where: str) -> None:
    """Check that the slices are axial, with columns and rows that run along the sides of the patient.

    Raises
    ------
    CIPAError
        If they do not.
    """
    axes = np.reshape(image.GetDirection(), (3, 3))
    if np.abs(np.abs(axes) - np.eye(3)).max() > DIRECTION_TOLERANCE:
        raise CIPAError(
            f"{where}: its slices are not axial, columns to the side and rows to the back (axes "
            f"{np.round(axes, 3).tolist()}); resample it to axial slices, with a CT its masks or contours too"
        )


def same_grid(image: sitk.Image, other: sitk.Image) -> bool:
    """Tell whether two volumes have the same voxels: no corner is off by more than 0.01 mm."""
    if image.GetSize() != other.GetSize():
        return False
    return bool(np.abs(corner_points(image) - corner_points(other)).max() <= GRID_TOLERANCE_MM)


def corner_points(image: sitk.Image) -> NDArray[np.float64]:
    """Return the centres of the eight corner voxels in mm (LPS), x, y, z each."""
    ends = [(0, size - 1) for size in image.GetSize()]
    return np.array([image.TransformIndexToPhysicalPoint((x, y, z)) for x in ends[0] for y in ends[1] for z in ends[2]])


def fingerprint(image: sitk.Image) -> str:
    """SHA-256 of the voxels' values, whatever type, compression and place they are stored in."""
    digest = hashlib.sha256()
    values = sitk.GetArrayViewFromImage(image)
    for part in values:
        digest.update(np.asarray(part, dtype=np.float32).tobytes())
    digest.update(str(values.shape).encode())
    return digest.hexdigest()


def _check_orientation(path: Path, header: nib.Nifti1Header) -> None:
    if header["sform_code"] == 0 and header["qform_code"] == 0:
        raise CIPAError(f"{path}: has neither sform nor qform, so its orientation is unknown; write it with one")
    affine = header.get_best_affine()
    if header["sform_code"] > 0 and header["qform_code"] > 0:
        try:
            other = header.get_qform()
        except (HeaderDataError, ValueError) as error:
            raise CIPAError(f"{path}: its qform is invalid ({error}); write it again") from error
        ends = np.array([[0, 0, 0, 1], [*np.subtract(header.get_data_shape(), 1), 1]])
        apart = np.abs((affine - other) @ ends.T).max()
        if not apart <= FORMS_TOLERANCE_MM:
            raise CIPAError(f"{path}: sform and qform are {apart:.2f} mm apart; write it with one orientation")
    steps = affine[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    if not np.isfinite(affine).all() or not np.allclose(lengths, header.get_zooms(), rtol=1e-3):
        raise CIPAError(f"{path}: voxel size and orientation contradict each other; write it again")
    direction = steps / lengths
    if np.abs(direction.T @ direction - np.eye(3)).max() > DIRECTION_TOLERANCE:
        raise CIPAError(f"{path}: its axes are not at right angles (sheared); resample it to a rectangular grid")
