"""``nnunet-cipa bench plot``."""

import argparse
from pathlib import Path

from nnunet_cipa.cli.bench_options import check_folder

FORMATS = (".svg", ".png", ".pdf")


def register(subjects: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the subcommand to those of ``bench``."""
    parser = subjects.add_parser(
        "plot",
        parents=[common],
        help="how time and memory grow with length, batch, patch and slices",
        description="Draw time and memory over each size that was measured at several values, all else equal. Files of "
        "one machine and the same versions are taken together; what is measured twice counts as in the last file.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="of 'bench scan --json', 'bench network --json'"
    )
    parser.add_argument(
        "--out", type=_picture, required=True, metavar="FIGURE", help=f"file that ends in {', '.join(FORMATS)}"
    )
    parser.set_defaults(run=_run)


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text} ends in none of {', '.join(FORMATS)}")
    return path


def _run(args: argparse.Namespace) -> None:
    from nnunet_cipa.speed.plot import plot  # noqa: PLC0415 - slow imports

    check_folder(args.out)
    plot(args.files, args.out)
