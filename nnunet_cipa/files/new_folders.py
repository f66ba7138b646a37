"""Folders that appear under their name only when what is in them is complete."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def passing_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give an empty folder with the permissions of an ordinary one; what is not moved away by the end is removed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        umask = os.umask(0)
        os.umask(umask)
        folder.chmod(0o777 & ~umask)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Give a folder that becomes ``final`` if the block ends without an error, and vanishes if not."""
    with passing_folder(final.parent, f".{final.name}_") as folder:
        yield folder
        folder.rename(final)
