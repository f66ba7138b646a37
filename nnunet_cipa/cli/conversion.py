"""``nnunet-cipa convert``; adds ``nnunet-cipa phantom`` too."""

import argparse

from nnunet_cipa.cli.convert_lucid import register_lucid
from nnunet_cipa.cli.convert_pclt20k import register_pclt20k
from nnunet_cipa.cli.phantom import register_phantom

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add both subcommands."""
    convert = subparsers.add_parser("convert", help="write a data set to nnUNet_raw")
    datasets = convert.add_subparsers(metavar="DATASET", required=True)
    register_pclt20k(datasets, common)
    register_lucid(datasets, common)
    register_phantom(subparsers, common)
