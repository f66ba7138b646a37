"""``nnunet-cipa plugin-path``."""

import argparse

from nnunet_cipa.plugin import plugin_path


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plugin-path",
        parents=[common],
        help="print the directory to put in nnUNet_extTrainer",
        description='Print the one directory to put in nnUNet_extTrainer: export nnUNet_extTrainer="$(nnunet-cipa '
        'plugin-path)"',
    )
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> None:
    print(plugin_path())
