"""Endings of PCLT20K's file names: _CT.png, _PET.png and _mask.png, which copies of it have in other cases."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.regular import unreadable

KINDS = ("CT", "PET", "mask")
ENDINGS = {kind: f"_{kind}.png" for kind in KINDS}
_FILE = re.compile(rf"(?P<name>.+)(?P<ending>_(?P<kind>{'|'.join(KINDS)})\.png)", re.IGNORECASE)


def find_endings(root: Path, listed: Mapping[str, str]) -> dict[str, str]:
    """Return what the names of the files of each kind end in, which is the same for all of them.

    Parameters
    ----------
    root
        Folder of the patients' folders.
    listed
        The patient of each slice.

    Raises
    ------
    CIPAError
        If files of one kind end in different ways, as two copies in one folder do, or a folder cannot be read.
    """
    found: dict[str, dict[str, Path]] = {kind: {} for kind in KINDS}
    for path in _files(root, sorted(set(listed.values()))):
        match = _FILE.fullmatch(path.name)
        if match is not None and listed.get(match["name"]) == path.parent.name:
            (kind,) = (kind for kind in KINDS if kind.lower() == match["kind"].lower())
            found[kind].setdefault(match["ending"], path)
    for kind, examples in found.items():
        if len(examples) > 1:
            (one, path), (other, there) = list(examples.items())[:2]
            raise CIPAError(
                f"{path} ends in {one}, but {there} in {other}; give all {kind} files one ending, and keep one copy of "
                "each"
            )
    return {kind: next(iter(examples), ENDINGS[kind]) for kind, examples in found.items()}


def _files(root: Path, patients: list[str]) -> Iterator[Path]:
    for patient in patients:
        folder = root / patient
        if folder.is_dir():
            try:
                yield from sorted(folder.iterdir())
            except OSError as error:
                raise unreadable(folder, error) from error
