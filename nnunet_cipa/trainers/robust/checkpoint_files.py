"""Checkpoint files: whole or not there, with their checksum beside them, and the one before."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import IO, Any, cast

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.weights.torch_files import save_torch

_BESIDES_TENSORS = 8 << 20


def save_file(content: dict[str, Any], path: Path, *, keep_previous: bool = False) -> None:
    """Save with torch, flush, and rename; then write the checksum beside it.

    Until the new file is complete nothing happens to the old one, whenever the process is killed or the disk is full.

    Parameters
    ----------
    content : dict
        What torch is to save.
    path : Path
        The file.
    keep_previous : bool
        Keep the file that is replaced, see ``previous_of``, unless it is damaged.

    Raises
    ------
    CIPAError
        If the disk has not enough space.
    """
    _check_space(content, path)
    checksum = checksum_of(path)
    try:
        with replacing(path) as file:
            hashed = _Hashed(file)
            save_torch(content, cast("IO[bytes]", hashed))  # write and flush are all that it calls
            if keep_previous and path.exists() and find_damage(path) is None:
                _keep(path)
            # A kill before the new checksum is there leaves a file without one, never with that of another.
            checksum.unlink(missing_ok=True)
        _write_checksum(path, hashed.digest.hexdigest())
    except OSError as error:
        raise CIPAError(
            f"{path}: cannot be written ({error.strerror or error}); the checkpoint before it is as it was. Free space "
            "on that disk, then continue with --c"
        ) from error


def find_damage(path: Path) -> str | None:
    """Say what is wrong with a checkpoint file: by its checksum, or by torch's own checks of the parts without one.

    Returns
    -------
    str or None
        None if the file is whole.
    """
    if not path.is_file():
        return "there is no such file"
    if checksum_of(path).is_file():
        same = checksum_of(path).read_text(errors="replace").split()[:1] == [file_hash(path)]
        return None if same else f"its checksum is not that of {checksum_of(path).name}"
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        return f"it is truncated or no checkpoint ({error})"
    return None if damaged is None else f"its part {damaged} is damaged"


def previous_of(path: Path) -> Path:
    """Return the name under which the file before ``path`` is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def checksum_of(path: Path) -> Path:
    """Return the name of the checksum's file, which ``sha256sum -c`` reads."""
    return path.with_name(f"{path.name}.sha256")


def remove(path: Path) -> None:
    """Remove a checkpoint, the one before it and their checksums, as far as they are there."""
    for file in (path, previous_of(path)):
        file.unlink(missing_ok=True)
        checksum_of(file).unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed had begun to write in a folder of checkpoints."""
    for part in folder.glob(".checkpoint_*.part"):
        part.unlink()


class _Hashed:
    """Hashes what is written through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _keep(path: Path) -> None:
    previous = previous_of(path)
    second_name = previous.with_name(f".{previous.name}.part")
    second_name.unlink(missing_ok=True)
    try:
        os.link(path, second_name)
    except OSError:  # file systems without links
        shutil.copy2(path, second_name)
    checksum_of(previous).unlink(missing_ok=True)
    second_name.replace(previous)
    if checksum_of(path).is_file():
        _write_checksum(previous, checksum_of(path).read_text().split()[0])


def _write_checksum(path: Path, digest: str) -> None:
    with replacing(checksum_of(path)) as file:
        file.write(f"{digest}  {path.name}\n".encode())


def _check_space(content: dict[str, Any], path: Path) -> None:
    needed, free = _count_bytes(content) + _BESIDES_TENSORS, shutil.disk_usage(path.parent).free
    if free < needed:
        raise CIPAError(
            f"{path}: needs {needed >> 20} MiB, and {free >> 20} MiB are free; the checkpoint before it is as it was. "
            "Free space on that disk, then continue with --c"
        )


def _count_bytes(content: Any) -> int:
    if isinstance(content, Tensor):
        return content.nbytes
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list | tuple) else ()
    return sum(_count_bytes(part) for part in parts)
