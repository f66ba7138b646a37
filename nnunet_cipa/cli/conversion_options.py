"""Options that the converters' commands share."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any


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


def dataset_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what ``add_dataset_options`` added, by the names that the converters' ``Options`` have for it."""
    from nnunet_cipa.processes.workers import default_processes  # noqa: PLC0415 - slow imports

    return {
        "dataset_id": args.dataset_id,
        "name": args.name,
        "processes": default_processes() if args.processes is None else args.processes,
        "overwrite": args.overwrite,
        "seed": args.seed,
    }


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to stderr."""
    for warning in warnings:
        print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)
