"""The scanner and the institution of a series, for the key table and for folds that leave one out."""

from pathlib import Path

from nnunet_cipa.dicom.attributes import DAMAGE, text, tolerant
from nnunet_cipa.dicom.part10 import read_elements
from nnunet_cipa.errors import CIPAError

COLUMNS = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "station": "StationName",
    "institution": "InstitutionName",
}


def scanner_columns(path: Path) -> dict[str, str]:
    """Return what a DICOM file says of them, by columns of the key table; empty where it says nothing.

    Raises
    ------
    CIPAError
        If the file cannot be read any more.
    """
    try:
        with tolerant():
            header = read_elements(path, COLUMNS.values())
            return {column: text(header, keyword) for column, keyword in COLUMNS.items()}
    except DAMAGE as error:
        raise CIPAError(f"{path}: cannot be read ({error}); export it again") from error
