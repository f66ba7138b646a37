"""Writes a DICOM object to a file."""

from pathlib import Path

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import tolerant
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing


def save_object(made: Dataset, path: Path) -> None:
    """Write an object to a file, which appears when it is whole; its folders are made.

    Raises
    ------
    CIPAError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file, tolerant():
            made.save_as(file, enforce_file_format=True)
    except OSError as error:
        where = error.filename or path.parent
        remedy = "free space, check permissions, or give another OUT"
        raise CIPAError(f"{where}: writing failed ({error.strerror}); {remedy}") from error
