"""DICOM files without pixels, read to their end and found whole."""

import hashlib
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.nesting import fault_of_nesting
from nnunet_cipa.dicom.part10 import as_part10


def read_whole(path: Path) -> tuple[Dataset, str]:
    """Read a file of which nothing may be lost, and the SHA-256 of its bytes.

    Raises
    ------
    Exception
        One of ``DAMAGE`` if it cannot be read, or its lengths do not lie whole within each other.
    """
    data = path.read_bytes()
    whole = as_part10(data)
    file = pydicom.dcmread(BytesIO(whole))
    fault = fault_of_nesting(whole, file.file_meta.TransferSyntaxUID)
    if fault is not None:
        raise ValueError(fault)
    return file, hashlib.sha256(data).hexdigest()
