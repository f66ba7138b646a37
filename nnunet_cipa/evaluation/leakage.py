"""An audit of a dataset: whether a patient is in it under two names, or in training and test."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.patients import read_patients
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.files.volumes import read_volume
from nnunet_cipa.processes.workers import run_jobs

_PARTS = ("Tr", "Ts")
_CHANNEL = "_0000"


@dataclass(frozen=True)
class Image:
    """An image of a dataset: of which case and patient, and in which part ("Tr" or "Ts")."""

    path: Path
    case: str
    patient: str
    part: str


@dataclass(frozen=True)
class LeakageAudit:
    """What was looked at, when nothing was found: numbers of patients, cases and images."""

    patients: int
    cases: int
    images: int


def audit_leakage(dataset: Path, processes: int = 1) -> LeakageAudit:
    """Check that no patient is in a dataset under two names or in its training and test part.

    Patients are told apart by their key (see ``read_patients``), and by the hash of the voxels of every CT and PET.

    Parameters
    ----------
    dataset : Path
        ``$nnUNet_raw/DatasetNNN_NAME``.
    processes : int
        Number of processes, each of which holds one image at a time.

    Raises
    ------
    CIPAError
        If a patient is; the message names both cases. If an image cannot be read.

    Notes
    -----
    The hash is over the voxels as 32-bit floats and their shape, so another file format, data type or header does not
    hide a copy; resampling, cropping or another normalisation does.
    """
    images = list(_images(dataset))
    if not images:
        raise CIPAError(f"{dataset / 'imagesTr'}: holds no image; give a dataset in nnU-Net's raw format")
    _refuse_both_parts(images)
    hashes = run_jobs(voxel_hash, [image.path for image in images], processes, "leakage audit", unit="image")
    _refuse_copies(images, hashes)
    return LeakageAudit(
        len({image.patient for image in images}), len({image.case for image in images}), len(images)
    )  # fmt: skip


def voxel_hash(path: Path) -> str:
    """Return the SHA-256 of the voxels of an image and their shape."""
    array = np.ascontiguousarray(read_volume(path).array, dtype="<f4")
    # there is one zero, whatever its sign
    array += 0
    digest = hashlib.sha256(str(array.shape).encode())
    digest.update(array.data)
    return digest.hexdigest()


def _images(dataset: Path) -> Iterator[Image]:
    ending = str(read_object(dataset / "dataset.json").get("file_ending", ""))
    for part in _PARTS:
        paths = sorted((dataset / f"images{part}").glob(f"*_[0-9][0-9][0-9][0-9]{ending}"))
        cases = [path.name[: -len(_CHANNEL + ending)] for path in paths]
        patients = read_patients(dataset, cases)
        for path, case in zip(paths, cases, strict=True):
            yield Image(path, case, patients[case], part)


def _refuse_both_parts(images: Iterable[Image]) -> None:
    first: dict[str, Image] = {}
    for image in images:
        other = first.setdefault(image.patient, image)
        if other.part != image.part:
            raise CIPAError(
                f"{image.path}: case {image.case} is of patient {image.patient}, as is case {other.case} of the "
                "training part; take the patient out of one of the two"
            )


def _refuse_copies(images: Iterable[Image], hashes: Iterable[str]) -> None:
    first: dict[str, Image] = {}
    for image, voxels in zip(images, hashes, strict=True):
        other = first.setdefault(voxels, image)
        if other is not image:
            raise CIPAError(
                f"{image.path}: has the same voxels as {other.path}, but case {image.case} is of patient "
                f"{image.patient} and case {other.case} of patient {other.patient}; keep one of them"
            )
