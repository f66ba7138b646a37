"""Finds CT and PET images, structure sets, segmentations and registrations in a folder tree."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    DeformableSpatialRegistrationStorage,
    EnhancedCTImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MediaStorageDirectoryStorage,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    SpatialRegistrationStorage,
)
from tqdm import tqdm

from nnunet_cipa.dicom.attributes import DAMAGE, first_line, text, tolerant
from nnunet_cipa.dicom.headers import Header, make_header, read_attributes
from nnunet_cipa.dicom.part10 import is_dicom, may_be_bare, sop_class
from nnunet_cipa.errors import CIPAError

ENHANCED = {
    EnhancedCTImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
}
# Of the standard's supplement 243, which pydicom 3.0 does not know.
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
RTSTRUCT, SEG = "RTSTRUCT", "SEG"
STRUCTURES = {RTStructureSetStorage: RTSTRUCT, SegmentationStorage: SEG, LABEL_MAP: SEG}
REGISTRATIONS = {SpatialRegistrationStorage: "REG", DeformableSpatialRegistrationStorage: "deformable REG"}
IMAGES = {"CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage}
# Suffixes under which a file that is not DICOM is damaged rather than foreign.
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}


@dataclass(frozen=True)
class StructureFile:
    """An RTSTRUCT, SEG or REG file, of which nothing but this is read; ``kind`` is one of the values of the tables."""

    path: Path
    patient_id: str
    study_uid: str
    sop_instance_uid: str
    series_uid: str = ""
    kind: str = RTSTRUCT


@dataclass(frozen=True)
class Headers:
    """What a folder tree holds.

    Attributes
    ----------
    images
        CT and PET image files, in no particular order.
    structures
        RTSTRUCT and SEG files.
    registrations
        REG files, deformable ones too.
    problems
        One line, by path, for each file that should be DICOM but cannot be read, and for each link out of the tree.
    others
        Number of DICOM files of other kinds, by the name of the kind.
    foreign
        Number of files that are not DICOM.
    """

    images: tuple[Header, ...]
    structures: tuple[StructureFile, ...]
    problems: dict[Path, str]
    others: dict[str, int]
    foreign: int
    registrations: tuple[StructureFile, ...] = ()


class _NotDicom(Exception):  # noqa: N818 - it is an answer, no error
    pass


def scan_folder(root: Path) -> Headers:
    """Read the header of every DICOM file under a folder, whatever the files are called.

    Names that start with a dot count as foreign. A file that several links lead to is read once; links that lead out
    of the folder are problems.

    Raises
    ------
    CIPAError
        If ``root`` is not a folder.
    """
    if not root.is_dir():
        raise CIPAError(f"{root}: not a folder; give the folder that holds the DICOM files")
    images: list[Header] = []
    structures: list[StructureFile] = []
    registrations: list[StructureFile] = []
    problems: dict[Path, str] = {}
    others: Counter[str] = Counter()
    foreign = 0
    with tolerant():
        for path in tqdm(_walk(root, problems), desc="reading headers", unit="file", disable=None):
            try:
                _refuse_non_dicom(path)
                found, fault = read_attributes(path)
                kind = sop_class(found)
                if not kind:
                    raise ValueError("it does not tell what it is (SOPClassUID)")
                if kind in IMAGES.values() or kind in ENHANCED:
                    images.append(_with_series(make_header(path, found, fault)))
                elif kind in STRUCTURES:
                    structures.append(_structure_file(path, found, STRUCTURES[kind]))
                elif kind in REGISTRATIONS:
                    registrations.append(_structure_file(path, found, REGISTRATIONS[kind]))
                elif kind == MediaStorageDirectoryStorage:
                    foreign += 1
                else:
                    others[kind.name] += 1
            except _NotDicom:
                foreign += 1
            except DAMAGE as error:
                reason = first_line(error)
                problems[path] = (
                    f"{path}: cannot be read as DICOM ({reason}); export it again, or remove it if it is not needed"
                )
    return Headers(tuple(images), tuple(structures), problems, dict(others), foreign, tuple(registrations))


def _structure_file(path: Path, found: Dataset, kind: str) -> StructureFile:
    return StructureFile(
        path=path,
        patient_id=text(found, "PatientID"),
        study_uid=text(found, "StudyInstanceUID"),
        sop_instance_uid=text(found, "SOPInstanceUID"),
        series_uid=text(found, "SeriesInstanceUID"),
        kind=kind,
    )


def _walk(root: Path, problems: dict[Path, str]) -> Iterator[Path]:
    """Give every regular file once; unreadable folders and links out of the tree go to the problems."""
    home = root.resolve()
    seen: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        problems[path] = f"{path}: cannot be opened ({error.strerror}); make it readable, or remove it"

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*folders, *sorted(names)):
            path = Path(folder, name)
            # Path.resolve raises on a loop before Python 3.13; here, one is a file that cannot be opened
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
                outside = f"{path}: a link that leads out of {root}"
                problems[path] = f"{outside}; put the file itself there, or remove it"
                continue
            if name in folders:
                continue
            try:
                status = path.stat()
            except OSError as error:
                unreadable(error)
                continue
            if S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield path


def _refuse_non_dicom(path: Path) -> None:
    """Raise ``_NotDicom`` for a foreign file, and an error for one that looks like damaged DICOM."""
    if path.name.startswith("."):
        raise _NotDicom
    if is_dicom(path):
        return
    with path.open("rb") as file:
        start = file.read(4)
    if may_be_bare(start):
        return
    if path.suffix.lower() in _DICOM_SUFFIXES:
        raise ValueError("it is empty" if not start else "it does not start as DICOM does")
    raise _NotDicom


def _with_series(header: Header) -> Header:
    if not header.series_uid:
        raise ValueError(header.fault or "it has no SeriesInstanceUID")
    return header
