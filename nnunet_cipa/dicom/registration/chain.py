"""Finds the way from one frame of reference to another through registrations."""

from collections.abc import Iterator, Sequence

import numpy as np

from nnunet_cipa.dicom.registration.file import Registration
from nnunet_cipa.dicom.registration.rigid import Matrix, Rigid
from nnunet_cipa.errors import CIPAError

AGREEMENT_MM = 0.1
# Of a patient's corner from the origin
REACH_MM = 500.0
MOST_STEPS = 4


def between(registrations: Sequence[Registration], frame: str, other: str) -> Rigid | None:
    """Return what takes the coordinates of a frame of reference to another; None if nothing ties them together.

    Raises
    ------
    CIPAError
        If two ways from one to the other do not agree.
    """
    found = list(_ways(registrations, frame, other, (frame,)))
    if not found:
        return None
    corners = np.array([(x, y, z, 1) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * (*[REACH_MM] * 3, 1)
    for matrix, path in found:
        apart = np.abs((matrix - found[0][0]) @ corners.T).max()
        if apart > AGREEMENT_MM:
            raise CIPAError(
                f"{path} and {found[0][1]} register the same frames of reference, up to {apart:.1f} mm apart; leave "
                "the one that counts"
            )
    return Rigid(found[0][0])


def _ways(
    registrations: Sequence[Registration], frame: str, other: str, seen: tuple[str, ...]
) -> Iterator[tuple[Matrix, str]]:
    """Give the matrix of each way, and the file of its first step."""
    if len(seen) > MOST_STEPS + 1:
        return
    for one in registrations:
        into = {**{name: rigid.matrix for name, rigid in one.of_frames.items()}}
        into.setdefault(one.frame_of_reference_uid, np.eye(4))
        if frame not in into:
            continue
        for name, matrix in into.items():
            step = np.linalg.inv(matrix) @ into[frame]
            if name == other:
                yield step, str(one.path)
            elif name not in seen:
                for rest, _ in _ways(registrations, name, other, (*seen, name)):
                    yield rest @ step, str(one.path)
