"""Reads DICOM REG objects: which frames of reference a registration ties together, and by which matrices."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE, first_line, items, numbers, text, tolerant
from nnunet_cipa.dicom.registration.rigid import Matrix, Rigid
from nnunet_cipa.dicom.whole import read_whole
from nnunet_cipa.errors import CIPAError

ROTATION_TOLERANCE = 1e-3
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Registration:
    """A rigid registration.

    Attributes
    ----------
    path, sha256
        Of the file.
    frame_of_reference_uid
        The frame into which it takes others.
    of_frames
        What takes the coordinates of each other frame into it.
    """

    path: Path
    sha256: str
    frame_of_reference_uid: str
    of_frames: Mapping[str, Rigid]


def read_registration(path: Path, frames_of_images: Mapping[str, str]) -> Registration:
    """Read a spatial registration.

    Parameters
    ----------
    path
        The file.
    frames_of_images
        Frame of reference by SOPInstanceUID, for registrations that name images in place of frames.

    Raises
    ------
    CIPAError
        If it is damaged, names no frame of reference, or one of its matrices is not rigid.
    """
    try:
        with tolerant():
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
            file, sha256 = read_whole(path)
            target = text(file, "FrameOfReferenceUID")
            found = [
                (_frame(item, frames_of_images), _matrix(path, item)) for item in items(file, "RegistrationSequence")
            ]
            unknown = [frame for frame, matrix in found if matrix is None and frame != target]
            if unknown:
                raise ValueError(f"it has no matrix for the frame of reference {unknown[0] or '(none)'}")
    except DAMAGE as error:
        raise CIPAError(f"{path}: cannot be read as REG ({first_line(error)}); export it again") from error
    of_frames: dict[str, Rigid] = {}
    for frame, given in found:
        matrix = np.eye(4) if given is None else given
        known = of_frames.setdefault(frame, Rigid(matrix))
        if not np.allclose(known.matrix, matrix, atol=ROTATION_TOLERANCE):
            raise CIPAError(f"{path}: has two different matrices for the frame of reference {frame}; export it again")
    if not target or not of_frames or "" in of_frames:
        raise CIPAError(f"{path}: does not say which frames of reference it ties together; export it again")
    return Registration(path, sha256, target, of_frames)


def _frame(item: Dataset, frames_of_images: Mapping[str, str]) -> str:
    named = text(item, "FrameOfReferenceUID")
    if named:
        return named
    images = (text(image, "ReferencedSOPInstanceUID") for image in items(item, "ReferencedImageSequence"))
    frames = {frames_of_images.get(uid, "") for uid in images}
    return frames.pop() if len(frames) == 1 else ""


def _matrix(path: Path, item: Dataset) -> Matrix | None:
    """Return what the matrices of an item do one after the other, the file's first one first; None without any."""
    made = None
    for registration in items(item, "MatrixRegistrationSequence"):
        for step in items(registration, "MatrixSequence"):
            values = numbers(step, "FrameOfReferenceTransformationMatrix", 16)
            if values is None:
                raise CIPAError(f"{path}: a transformation matrix is missing or not 16 numbers; export it again")
            matrix = np.reshape(values, (4, 4))
            if not _is_rigid(matrix):
                kind = text(step, "FrameOfReferenceTransformationMatrixType") or "of no type"
                raise CIPAError(
                    f"{path}: the transformation ({kind}) is not rigid: it scales, shears or mirrors; register CT and "
                    "PET rigidly, or export a PET that was resampled to the CT"
                )
            made = matrix if made is None else matrix @ made
    return made


def _is_rigid(matrix: Matrix) -> bool:
    turn = matrix[:3, :3]
    near = np.abs(turn @ turn.T - np.eye(3)).max() <= ROTATION_TOLERANCE
    return bool(near and np.linalg.det(turn) > 0 and np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6))
