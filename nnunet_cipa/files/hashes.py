"""Hashes of files of any size."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_hash(paths: Iterable[Path]) -> str:
    """Return one SHA-256 of several files, by those of each in their order."""
    return hashlib.sha256("".join(map(file_hash, paths)).encode("ascii")).hexdigest()
