"""The exceptions that mean: the input is at fault, and here is what to do about it."""

from typing import Any


class CIPAError(RuntimeError):
    """An error whose message is one clear line for the user: the file, the value and the remedy.

    The command line prints the message to stderr and ends with status 1; it shows no traceback unless ``--debug``.
    """


class CutOffError(CIPAError):
    """Work that can go on where it ended: the disk took no more, or a worker died."""


def shown(value: Any) -> str:
    """Return a value as one line of at most 200 characters, for a message."""
    return ascii(value)[:200]
