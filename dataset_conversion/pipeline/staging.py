"""Builds a dataset beside its final place and swaps it in when it is complete."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.finished import keep_finished
from nnunet_cipa.errors import CIPAError, CutOffError
from nnunet_cipa.files.locks import alone

LOCK = ".nnunet_cipa.lock"
NEW = ".nnunet_cipa_new_"
OLD = ".nnunet_cipa_old_"
TRASH = ".nnunet_cipa_trash_"


@contextmanager
def staged_folder(final: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder that becomes ``final`` if the block ends without an error.

    After an error or an interrupt it vanishes; but after a ``CutOffError`` or a kill the cases that were finished stay,
    for the next run that makes ``final`` (see ``keep_finished``), and the message says so. It is empty but for these.

    The folder lies beside ``final`` under a name that starts with a dot, which nnU-Net does not look at. An existing
    ``final`` is moved away only when the new one is complete. What killed runs have left beside other datasets is
    removed first; if one was killed between moving the old folder away and the new one in, the old one is put back.

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
    with alone(final.parent / LOCK, f"{final.parent}: another run is writing here; wait for it to end"):
        staging = final.with_name(NEW + final.name)
        _clean_up(final.parent, staging)
        if final.exists() and not overwrite:
            raise CIPAError(f"{final}: exists; give --overwrite to replace it, or choose another --dataset-id")
        if staging.is_symlink():
            # What it leads to is not ours to clear
            staging.unlink()
        staging.mkdir(exist_ok=True)
        with _kept_if_cut_off(staging):
            yield staging
            _swap_in(staging, final)


@contextmanager
def _kept_if_cut_off(staging: Path) -> Iterator[None]:
    kept: set[str] = set()
    try:
        yield
    except CutOffError as error:
        kept = keep_finished(staging)
        if not kept:
            raise
        raise CutOffError(
            f"{error}; then run it again: {len(kept)} finished cases are kept for that in {staging}, which you can "
            "also remove"
        ) from error
    finally:
        if not kept:
            shutil.rmtree(staging, ignore_errors=True)


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


def _clean_up(parent: Path, staging: Path) -> None:
    """Undo what killed runs have left, but for ``staging``; the lock says that none is alive."""
    for old in parent.glob(f"{OLD}*"):
        final = parent / old.name.removeprefix(OLD)
        if final.exists():
            _discard(old)
        else:
            old.rename(final)
    for left in {*parent.glob(f"{NEW}*"), *parent.glob(f"{TRASH}*")} - {staging}:
        shutil.rmtree(left)


def _discard(folder: Path) -> None:
    # Renamed before it is deleted: a kill during the deletion must not leave a part of it to be put back.
    trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=folder.parent))
    folder.rename(trash / folder.name)
    shutil.rmtree(trash)
