"""Reads one NIfTI volume strictly: whole, three-dimensional, axial, with an orientation that is beyond doubt."""

import gzip
import hashlib
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nifti import check_nifti

# A direction from NIfTI's quaternion in float32 is off by up to 7e-4.
DIRECTION_TOLERANCE = 1e-3
FORMS_TOLERANCE_MM = 0.5
GRID_TOLERANCE_MM = 0.01
MOST_VOXELS = 4096
SPACING_RANGE = (0.05, 20.0)


def read_volume(path: Path) -> sitk.Image:
    """Read a volume as it is stored.

    Raises
    ------
    CIPAError
        If it is damaged, not three-dimensional, not of real numbers, holds NaN, has no or a doubtful orientation, or
        its slices are not axial.
    """
    header = _read_header(path)
    _check_header(path, header)
    _check_orientation(path, header)
    check_nifti(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CIPAError(f"{path}: ITK cannot read it ({str(error).splitlines()[-1]}); write it again") from error
    check_axial(image, str(path))
    return image


def check_axial(image: sitk.Image, where: str) -> None:
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
            f"{np.round(axes, 3).tolist()}); resample it to axial slices"
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


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_header(path: Path) -> nib.Nifti1Header:
    try:
        with gzip.open(path) as file:
            return nib.Nifti1Image.from_stream(file).header
    except (ImageFileError, WrapStructError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise CIPAError(f"{path}: cannot be read as compressed NIfTI ({error}); write it again") from error


def _check_header(path: Path, header: nib.Nifti1Header) -> None:
    shape = header.get_data_shape()
    if len(shape) != 3:
        raise CIPAError(f"{path}: has {len(shape)} dimensions {shape}; give one three-dimensional volume")
    if min(shape[:2]) < 2 or min(shape) < 1 or max(shape) > MOST_VOXELS:
        raise CIPAError(f"{path}: has {shape} voxels; give 2 to {MOST_VOXELS} along x and y, and at least one slice")
    if header.get_data_dtype().kind not in "iuf":
        raise CIPAError(f"{path}: voxels are of type {header.get_data_dtype()}; give one real number a voxel")
    units = header.get_xyzt_units()[0]
    if units not in {"mm", "unknown"}:
        raise CIPAError(f"{path}: lengths are in {units}; write it in mm")
    low, high = SPACING_RANGE
    spacing = tuple(round(float(s), 4) for s in header.get_zooms())
    if not all(np.isfinite(s) and low <= s <= high for s in spacing):
        raise CIPAError(f"{path}: voxels of {spacing} mm; lengths from {low} to {high} mm are plausible, correct them")


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
