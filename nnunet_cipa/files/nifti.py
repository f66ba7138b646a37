"""A check that a NIfTI file is whole: SimpleITK takes what is missing from one that was cut off, and NaN, as 0."""

import gzip
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from nnunet_cipa.errors import CIPAError


def check_nifti(path: Path) -> None:
    """Read a NIfTI file to its end.

    Raises
    ------
    CIPAError
        If it is cut off, its checksum is wrong, it is not a NIfTI file or holds values that are not finite.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            finite = np.isfinite(np.asanyarray(nib.Nifti1Image.from_stream(file).dataobj)).all()
            # gzip's checksum comes last, and is compared only by who reads on
            file.read()
    except (ImageFileError, WrapStructError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise CIPAError(f"{path}: cannot be read to its end, so it is damaged or no image; write it again") from error
    if not finite:
        raise CIPAError(f"{path}: holds NaN or infinity; write the image again")
