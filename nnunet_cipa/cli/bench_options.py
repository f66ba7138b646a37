"""Options that the commands of ``bench`` share."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nnunet_cipa.errors import CIPAError


def add_counts(parser: argparse.ArgumentParser, name: str, default: Sequence[int], multiple: int = 1) -> None:
    """Add an option of one or more numbers from 1, each a multiple of ``multiple``."""

    def count(text: str) -> int:
        value = positive(text)
        if value % multiple:
            raise argparse.ArgumentTypeError(f"{text} is not a multiple of {multiple}")
        return value

    shown = " ".join(map(str, default))
    kind = "one or more" if multiple == 1 else f"one or more multiples of {multiple}"
    parser.add_argument(name, nargs="+", type=count, default=default, metavar="N", help=f"{kind} (default: {shown})")


def positive(text: str) -> int:
    """Read a number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def check_folder(path: Path | None) -> None:
    """Refuse a file to write whose folder does not exist, before minutes of measuring.

    Raises
    ------
    CIPAError
        If it does not.
    """
    if path is not None and not path.parent.is_dir():
        raise CIPAError(f"{path}: there is no folder {path.parent}; make it or choose another")
