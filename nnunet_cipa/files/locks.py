"""Locks between processes, held for as long as a block runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nnunet_cipa.errors import CIPAError


@contextmanager
def alone(lock: Path, refusal: str) -> Iterator[None]:
    """Run the block only if no other process holds the lock; the file stays.

    Raises
    ------
    CIPAError
        With the refusal as its message, at once, if another process holds it.
    """
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout as error:
        raise CIPAError(refusal) from error
    try:
        yield
    finally:
        held.release()
