"""What the converters' commands share."""

import argparse
import sys
from collections.abc import Iterable


def add_dataset_options(parser: argparse.ArgumentParser, number: int, name: str) -> None:
    """Add what every converter takes; ``number`` and ``name`` are the defaults of the dataset's."""
    parser.add_argument("--dataset-id", type=int, default=number, metavar="N", help="1 to 999 (default: %(default)s)")
    parser.add_argument("--name", default=name, help="name after the number (default: %(default)s)")
    parser.add_argument("--processes", type=int, metavar="N", help="processes (default: the CPU cores, at most 8)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dataset of that id and name")
    parser.add_argument(
        "--seed",
        type=int,
        default=12345,
        metavar="N",
        help="of all that is drawn, such as the folds (default: %(default)s)",
    )


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to stderr."""
    for warning in warnings:
        print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)
