"""Files that appear under their name only when they are whole and on the disk."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside ``path``, flush it to the disk and rename it; on any error remove it and leave ``path``.

    A process that is killed meanwhile leaves the sibling, a hidden file with the suffix ``.part``; the next write to
    ``path`` replaces it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            put_in_place(file, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def put_in_place(file: IO[Any], path: Path) -> None:
    """Flush a file that lies beside ``path`` to the disk, close it and rename it to ``path``."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    Path(file.name).replace(path)
    flush_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file as ``replacing`` does, unless it is there with this content; its folders are made."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())


def flush_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system has a way to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
