"""Builds a dataset beside its final place and swaps it in when it is complete."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nnunet_cipa.errors import CIPAError

LOCK = ".nnunet_cipa.lock"
NEW = ".nnunet_cipa_new_"
OLD = ".nnunet_cipa_old_"
TRASH = ".nnunet_cipa_trash_"


@contextmanager
def staged_folder(final: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder that becomes ``final`` if the block ends without an error, and vanishes if not.

    The folder lies beside ``final`` under a name that starts with a dot, which nnU-Net does not look at. An existing
    ``final`` is moved away only when the new one is complete. What killed runs have left is removed first; if one was
    killed between moving the old folder away and the new one in, the old one is put back.

    Parameters
    ----------
    final
        The folder to make.
    overwrite
        Replace an existing one.

    Raises
    ------
    CIPAError
        If ``final`` exists and is not to be replaced, or if another run is writing beside it.
    """
    lock = FileLock(final.parent / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise CIPAError(f"{final.parent}: another conversion is writing here; wait for it to end") from error
    try:
        _clean_up(final.parent)
        if final.exists() and not overwrite:
            raise CIPAError(f"{final}: exists; give --overwrite to replace it, or choose another --dataset-id")
        with passing_folder(final.parent, NEW) as staging:
            yield staging
            _swap_in(staging, final)
    finally:
        lock.release()


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


def _swap_in(staging: Path, final: Path) -> None:
    old = final.with_name(OLD + final.name)
    if final.exists():
        final.rename(old)
    try:
        staging.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    if old.exists():
        _discard(old)


def _clean_up(parent: Path) -> None:
    """Undo what killed runs have left; the lock says that none is alive."""
    for old in parent.glob(f"{OLD}*"):
        final = parent / old.name.removeprefix(OLD)
        if final.exists():
            _discard(old)
        else:
            old.rename(final)
    for left in (*parent.glob(f"{NEW}*"), *parent.glob(f"{TRASH}*")):
        shutil.rmtree(left)


def _discard(folder: Path) -> None:
    # Renamed before it is deleted: a kill during the deletion must not leave a part of it to be put back.
    trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=folder.parent))
    folder.rename(trash / folder.name)
    shutil.rmtree(trash)
