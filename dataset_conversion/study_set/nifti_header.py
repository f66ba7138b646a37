"""Reads a NIfTI header as it is stored: nibabel and ITK repair or pass over what is wrong, each in its own way."""

import gzip
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.wrapstruct import WrapStructError

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.regular import check_regular

MOST_VOXELS = 4096
SPACING_RANGE = (0.05, 20.0)
HEADER_BYTES = 348
# Orientation codes of nifti1.h, and the "other template" that was added later.
CODES = range(6)
# ITK takes smaller slopes for none; no scanner's is near.
LEAST_SLOPE = 1e-12
# Deflate makes at most so many bytes of one.
MOST_INFLATION = 1032


def read_nifti_header(path: Path) -> nib.Nifti1Header:
    """Read the header of a compressed volume and check that it can be read in one way only.

    Raises
    ------
    CIPAError
        If it is damaged, not three-dimensional, not of real numbers, in other units than mm, of implausible size, or
        declares more voxels than the file can hold.
    """
    check_regular(path)
    try:
        with gzip.open(path) as file:
            data = file.read(HEADER_BYTES)
        header = nib.Nifti1Header(data, check=False)
    except (WrapStructError, OSError, EOFError, ValueError, zlib.error) as error:
        raise CIPAError(f"{path}: cannot be read as compressed NIfTI ({error}); write it again") from error
    fault = _fault_of_form(header) or _fault_of_scale(header)
    if fault is not None:
        raise CIPAError(f"{path}: cannot be read as compressed NIfTI ({fault}); write it again")
    _check_volume(path, header)
    return header


def _fault_of_form(header: nib.Nifti1Header) -> str | None:
    if header["sizeof_hdr"] != HEADER_BYTES or header["magic"].item() != b"n+1":
        return "it does not start as a NIfTI-1 file does"
    if not 0 <= header["dim"][0] <= 7:
        return f"it has {header['dim'][0]} dimensions"
    offset = float(header["vox_offset"])
    if not (HEADER_BYTES + 4 <= offset < 2**24 and offset == int(offset)):
        return f"its voxels start at byte {offset:g}"
    for name in ("sform_code", "qform_code"):
        if int(header[name]) not in CODES:
            return f"its {name} is {header[name]}"
    if header["pixdim"][0] not in {-1.0, 0.0, 1.0}:
        return f"its pixdim[0] is {header['pixdim'][0]:g}"
    return None


def _fault_of_scale(header: nib.Nifti1Header) -> str | None:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = np.isfinite([slope, intercept]).all() and abs(slope) >= LEAST_SLOPE
    # Both 0, or NaN as nibabel leaves them in images in memory, say that there is no scale.
    unscaled = (slope == 0 and intercept == 0) or (np.isnan(slope) and np.isnan(intercept))
    return None if scaled or unscaled else f"its scale is {slope:g} and {intercept:g}"


def _check_volume(path: Path, header: nib.Nifti1Header) -> None:
    shape = header.get_data_shape()
    if len(shape) != 3:
        raise CIPAError(f"{path}: has {len(shape)} dimensions {shape}; give one three-dimensional volume")
    if min(shape[:2]) < 2 or min(shape) < 1 or max(shape) > MOST_VOXELS:
        raise CIPAError(f"{path}: has {shape} voxels; give 2 to {MOST_VOXELS} along x and y, and at least one slice")
    try:
        dtype = header.get_data_dtype()
    except KeyError as error:
        raise CIPAError(f"{path}: voxels are of the unknown type {header['datatype']}; write it again") from error
    if dtype.kind not in "iuf":
        raise CIPAError(f"{path}: voxels are of type {dtype}; give one real number a voxel")
    if header["bitpix"] != 8 * dtype.itemsize:
        raise CIPAError(f"{path}: voxels of type {dtype} have {header['bitpix']} bits; write it again")
    declared = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if declared > MOST_INFLATION * path.stat().st_size:
        raise CIPAError(f"{path}: {shape} voxels are {declared} bytes, more than the file can hold; write it again")
    _check_units(path, header)


def _check_units(path: Path, header: nib.Nifti1Header) -> None:
    try:
        units = header.get_xyzt_units()[0]
    except KeyError:
        units = f"the unknown unit {header['xyzt_units']}"
    if units not in {"mm", "unknown"}:
        raise CIPAError(f"{path}: lengths are in {units}; write it in mm")
    low, high = SPACING_RANGE
    spacing = tuple(round(float(s), 4) for s in header["pixdim"][1:4])
    if not all(np.isfinite(s) and low <= s <= high for s in spacing):
        raise CIPAError(f"{path}: voxels of {spacing} mm; lengths from {low} to {high} mm are plausible, correct them")
