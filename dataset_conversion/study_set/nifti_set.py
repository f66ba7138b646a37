"""The NIfTI layout of a radiotherapy PET/CT study set: a folder for each patient."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.held_out import FACTS, TEST_LIST, held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.image import read_nifti
from nnunet_cipa.dataset_conversion.study_set.options import ORGANS, Roi
from nnunet_cipa.dataset_conversion.study_set.study_set import IMAGES, Reading, StudySet
from nnunet_cipa.dicom.part10 import is_dicom
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.files.regular import unreadable

_PATIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
FILES = tuple(f"{name}.nii.gz" for name in (*IMAGES, *(roi.value for roi in Roi), *ORGANS))


@dataclass(frozen=True)
class NiftiPatient:
    """The files of one patient, in any layout.

    Attributes
    ----------
    name
        Of the patient and of the case.
    part
        ``train`` or ``test``.
    paths
        NIfTI files of ``CT`` (HU), ``PET`` (SUV by body weight), the ROI and organs (0 and 1), by these names.
    patient
        Name of the patient, where there may be several studies of one; empty for ``name``.
    """

    name: str
    part: str
    paths: Mapping[str, Path]
    patient: str = ""

    @property
    def subject(self) -> str:
        """Whose study it is."""
        return self.patient or self.name

    def where(self, volume: str) -> str:
        """Path of a volume."""
        return str(self.paths[volume])

    def read(self, volume: str) -> Reading:
        """Read a volume; nothing was done to its values."""
        return Reading(read_nifti(self.paths[volume], axial=volume != "PET"))

    def sha256(self, volume: str) -> str:
        """Hash a volume's file."""
        return file_hash(self.paths[volume])


def is_nifti_layout(source: Path) -> bool:
    """Tell whether a folder holds NIfTI files where the layout has them.

    Raises
    ------
    CIPAError
        If it holds DICOM files too, as which of the two is meant would be a guess, or a file cannot be read.
    """
    images = (path for path in source.glob("*/*.nii.gz") if not path.parent.name.startswith("."))
    image = next((path for path in images if not path.name.startswith(".")), None)
    if image is None:
        return False
    for path in source.rglob("*"):
        if _looks_like_dicom(path):
            raise CIPAError(
                f"{source}: holds both DICOM, such as {path}, and NIfTI, such as {image}; separate them, and give the "
                "folder of one"
            )
    return True


def read_nifti_set(
    source: Path, roi: Roi | None, test_fraction: float | None, seed: int, organs: tuple[str, ...] = ()
) -> StudySet:
    """Find the patients; no image is opened.

    Parameters
    ----------
    source
        Folder with one folder a patient, and perhaps test.txt and study.json. Names that start with a dot are not
        looked at.
    roi
        The mask that every patient must have; None for patients to predict, who are all held out.
    test_fraction
        Part of the patients, 0 to 0.5, to hold out; None to go by test.txt, or hold out none.
    seed
        Of that draw.
    organs
        Of ``ORGANS``, those whose mask every patient must have too.

    Raises
    ------
    CIPAError
        For files beside the patients, other units, an impossible test set.
    """
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds one folder a patient")
    entries = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    folders = [path for path in entries if path.is_dir()]
    if not folders:
        raise CIPAError(f"{source}: holds no folder; it should hold one per patient, with {', '.join(FILES[:3])}")
    refuse(_foreign(path) for path in entries if not path.is_dir() and path.name not in {TEST_LIST, FACTS})
    synthetic = read_facts(source)
    names = [folder.name for folder in folders]
    test = {*names} if roi is None else held_out(source, names, test_fraction, seed)
    masks = (*(() if roi is None else (roi.value,)), *organs)
    patients, failures = [], []
    for folder in folders:
        problems = tuple(nifti_faults(folder, masks))
        if problems:
            failures.append(Failure(folder.name, problems))
        else:
            patients.append(nifti_patient(folder, "test" if folder.name in test else "train", masks))
    return StudySet("NIfTI", tuple(patients), tuple(failures), synthetic)


def nifti_patient(folder: Path, part: str, masks: tuple[str, ...] = ()) -> NiftiPatient:
    """Return the patient whose files are in a folder."""
    return NiftiPatient(folder.name, part, {name: folder / f"{name}.nii.gz" for name in (*IMAGES, *masks)})


def name_fault(where: Path, name: str) -> str | None:
    """Return why a patient's name cannot be that of a case, or None."""
    if _PATIENT.fullmatch(name) is not None:
        return None
    return f"{where}: use up to 64 letters, digits, hyphens and underscores in a patient's name; rename the folder"


def nifti_faults(folder: Path, masks: tuple[str, ...] = ()) -> Iterator[str]:
    """Return what is wrong with the names of a patient's folder and the files in it."""
    fault = name_fault(folder, folder.name)
    if fault is not None:
        yield fault
    found = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in (*IMAGES, *masks):
        if not (folder / f"{name}.nii.gz").is_file():
            yield f"{folder / name}.nii.gz: missing; add it, or remove the patient"
    yield from (_foreign(folder / name) for name in sorted(found - set(FILES)))


def _looks_like_dicom(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _foreign(path: Path) -> str:
    return f"{path}: is not part of the layout (see the documentation of convert lucid); move it elsewhere"
