"""Files under a series' UID that are not slices of it: copies of one, and localizers."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nnunet_cipa.dicom.headers import Header
from nnunet_cipa.files.hashes import file_hash

LOCALIZERS = ("LOCALIZER", "SCOUT", "TOPOGRAM", "SURVEY")
# Localizers are one or two, rarely more, and all else is slices.
MOST_ACROSS = 0.1


def is_localizer(header: Header) -> bool:
    """Return whether ImageType says so."""
    return any(kind in word for word in header.image_type for kind in LOCALIZERS)


def without_extras(headers: Sequence[Header]) -> tuple[tuple[Header, ...], tuple[str, ...]]:
    """Return the files of a series that can be slices, and a note on each kind that was left out.

    Of files that are the same byte for byte the first is kept; copies that differ stay, and so do localizers where
    there is nothing else.
    """
    kept, copies = _without_copies(headers)
    slices = tuple(header for header in kept if not is_localizer(header))
    if slices:
        across = _across(slices)
        slices = tuple(header for header in slices if header not in across)
    else:
        slices = kept
    notes = []
    if copies:
        notes.append(f"{_counted(copies, 'file')} more, byte for byte the same as others under its UID, left out")
    bare = sum(header.is_bare for header in headers)
    if bare:
        notes.append(f"{_counted(bare, 'file')} without the preamble of DICOM part 10, read by the first elements")
    if len(slices) < len(kept):
        notes.append(f"{_counted(len(kept) - len(slices), 'localizer')} under its UID left out")
    return slices, tuple(notes)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _without_copies(headers: Sequence[Header]) -> tuple[tuple[Header, ...], int]:
    same: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        same[header.sop_instance_uid].append(header)
    copies = set()
    for uid, found in same.items():
        if uid and len(found) > 1:
            first: dict[str, Header] = {}
            copies |= {one.path for one in found if first.setdefault(file_hash(one.path), one) is not one}
    return tuple(header for header in headers if header.path not in copies), len(copies)


def _across(headers: Sequence[Header]) -> list[Header]:
    """Return the few images at right angles to the others, or nearly so: none of them can be a slice of the stack."""
    turned = [(header, header.orientation) for header in headers if header.orientation is not None]
    if not turned:
        return []
    normals = np.array([np.cross(turn[:3], turn[3:]) for _, turn in turned])
    alike = np.abs(normals @ normals.T) > np.sqrt(0.5)
    usual = alike[alike.sum(axis=1).argmax()]
    across = [header for (header, _), is_usual in zip(turned, usual, strict=True) if not is_usual]
    return across if len(across) <= MOST_ACROSS * len(headers) else []
