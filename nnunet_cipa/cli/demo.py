"""``nnunet-cipa demo``."""

import argparse
from pathlib import Path

# The names in nnunet_cipa.demo.rows, which imports too much for the help.
ROWS = ("2d", "2d-transfer", "25d-transfer", "sim-transfer")


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        parents=[common],
        help="run the whole job on synthetic patients, in minutes on a CPU",
        description="Make synthetic PET/CT patients, convert them, plan, train a small network, predict and evaluate "
        "held-out patients, each step by the command that you would type, and write a page with the results to "
        "OUT/report/index.html. Then fine-tune on synthetic IGTV, from these weights and from nothing, and compare. "
        "Ends with status 1 if the network did not learn.",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder for everything that is written")
    parser.add_argument(
        "--patients", type=int, default=60, metavar="N", help="patients, a fifth held out (default: %(default)s)"
    )
    parser.add_argument("--size", type=int, default=128, metavar="N", help="pixels a side (default: %(default)s)")
    parser.add_argument(
        "--slices", type=int, default=6, metavar="N", help="about how many slices per patient (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of phantoms and trainings (default: %(default)s)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    parser.add_argument(
        "--rows", nargs="*", choices=ROWS, default=list(ROWS), metavar="ROW",
        help="rows of the IGTV table to train after the main job, none if nothing follows (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", action="store_true", help="train nnU-Net's own 2D network too, as long, and compare"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier demo in OUT")
    parser.set_defaults(run=_demo)


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text} is not an integer from 0 to {2**32 - 1}")
    return int(text)


def _demo(args: argparse.Namespace) -> None:
    from nnunet_cipa.demo import Options, run_demo  # noqa: PLC0415 - torch takes seconds to import

    options = Options(args.patients, args.size, args.slices, args.seed, args.device, tuple(args.rows), args.baseline)
    page = run_demo(args.out, options, overwrite=args.overwrite)
    print(f"open {page}")
