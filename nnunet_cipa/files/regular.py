"""Reads regular files, and no devices or pipes: these have no end, or wait for one who writes."""

from pathlib import Path
from stat import S_ISREG

from nnunet_cipa.errors import CIPAError


def check_regular(path: Path) -> None:
    """Check that a path is a file or a link that leads to one.

    Raises
    ------
    CIPAError
        If it leads to nothing, to itself, or to anything but a regular file.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise unreadable(path, error) from error
    if not S_ISREG(mode):
        raise CIPAError(f"{path}: is not a file, nor a link to one; put the file there")


def read_regular(path: Path) -> bytes:
    """Return the content of a file.

    Raises
    ------
    CIPAError
        As ``check_regular``, or if it cannot be read.
    """
    check_regular(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> CIPAError:
    """Return the error that tells of a file that cannot be read, and why."""
    return CIPAError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions")
