"""The folder of a new report: one program at a time makes it, and it is there when it is complete."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.locks import alone


@contextlib.contextmanager
def claimed_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder that becomes ``out`` if the block ends without an error, and vanishes if not.

    It lies beside ``out`` under a name that starts with a dot. What a process that was killed has left there is
    removed first.

    Raises
    ------
    CIPAError
        If ``out`` exists, or another process is making it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    building, lock = (out.with_name(f".{out.name}.{end}") for end in ("part", "lock"))
    refusal = f"{out}: another report is being written there; wait for it to end, or choose another folder"
    with alone(lock, refusal), _removed_at_the_end(lock):
        if out.exists():
            raise CIPAError(f"{out}: exists; remove it or choose another folder for the report")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        try:
            yield building
            building.rename(out)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise


@contextlib.contextmanager
def _removed_at_the_end(lock: Path) -> Iterator[None]:
    try:
        yield
    finally:
        # While it is locked: who waits for it finds that the report exists. Windows removes it by itself.
        with contextlib.suppress(OSError):
            lock.unlink()
