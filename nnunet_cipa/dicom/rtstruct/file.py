"""The file of an RTSTRUCT, read to its end and found whole."""

from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, RTStructureSetStorage

from nnunet_cipa.dicom.attributes import DAMAGE, first_line, tolerant
from nnunet_cipa.dicom.part10 import read_kind, read_meta
from nnunet_cipa.dicom.whole import read_whole
from nnunet_cipa.errors import CIPAError

UNDEFINED_LENGTH = 0xFFFFFFFF


def read_rtstruct(path: Path) -> tuple[Dataset, str]:
    """Read an RTSTRUCT.

    Returns
    -------
    Dataset
        What is in it.
    str
        SHA-256 of the bytes that it was read from.

    Raises
    ------
    CIPAError
        If it is damaged or another kind of file.
    """
    try:
        with tolerant():
            _refuse_other_kinds(path)
            file, sha256 = read_whole(path)
        elements = [file.get_item(tag) for tag in file.keys()]  # noqa: SIM118 - iterating gives elements
    except DAMAGE as error:
        raise damaged(path, error) from error
    for element in elements:
        # pydicom takes what is there of an element, and drops what is cut off of a sequence
        if isinstance(element, RawDataElement) and element.value is not None:
            held, length = len(element.value), element.length
            if length not in {held, UNDEFINED_LENGTH}:
                raise damaged(path, ValueError(f"{element.tag} has {held} of {length} bytes"))
    return file, sha256


def damaged(path: Path, error: BaseException) -> CIPAError:
    """Return the error that says of an RTSTRUCT what could not be read."""
    return CIPAError(f"{path}: cannot be read as RTSTRUCT ({first_line(error)}); export it again")


def _refuse_other_kinds(path: Path) -> None:
    kind = read_kind(path)
    if kind != RTStructureSetStorage:
        raise CIPAError(f"{path}: is not an RTSTRUCT but {kind.name or 'of no kind'}; give the structure set")
    if read_meta(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise CIPAError(f"{path}: is deflated, and what that inflates to has no bound; inflate it with dcmconv")
