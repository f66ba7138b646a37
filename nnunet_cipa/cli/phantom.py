"""``nnunet-cipa phantom``."""

import argparse
from collections.abc import Callable
from pathlib import Path

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register_phantom(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    phantom = subparsers.add_parser("phantom", help="make a synthetic study set in the layout of a data set")
    datasets = phantom.add_subparsers(metavar="DATASET", required=True)
    _register(
        datasets,
        common,
        "pclt20k",
        36,
        _phantom_pclt20k,
        "Write synthetic thorax PET/CT slices with lung tumours in the layout of PCLT20K.",
    )
    lucid = _register(
        datasets, common, "lucid", 64, _phantom_lucid,
        "Write synthetic thorax PET/CT volumes with lung tumours that move with breathing, for convert lucid: CT at "
        "one phase, PET over the cycle, GTV at the CT's phase, IGTV over the cycle.",
    )  # fmt: skip
    lucid.add_argument(
        "--slice-distance",
        type=float,
        metavar="MM",
        help="nnU-Net needs more than the width of a pixel, 502 mm / --size (default: 179 mm / --slices)",
    )
    lucid.add_argument(
        "--format",
        choices=("dicom", "nifti"),
        default="dicom",
        help="dicom: CT, PET in Bq/ml and RTSTRUCT; nifti: CT in HU, PET in SUV and masks (default: %(default)s)",
    )


def _register(
    subparsers: "Subparsers[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
    name: str,
    slices: int,
    run: Callable[[argparse.Namespace], None],
    description: str,
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        name, parents=[common], help=f"synthetic thorax PET/CT in the layout of convert {name}", description=description
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    parser.add_argument(
        "--patients",
        type=int,
        default=10,
        metavar="N",
        help="patients, a fifth of them for test.txt (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same bytes (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, metavar="N", help="pixels a side (default: %(default)s)")
    parser.add_argument(
        "--slices", type=int, default=slices, metavar="N", help="slices per patient, about (default: %(default)s)"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="processes (default: the CPU cores, at most 8)")
    parser.set_defaults(run=run)
    return parser


def _processes(args: argparse.Namespace) -> int:
    from nnunet_cipa.processes.workers import default_processes  # noqa: PLC0415 - slow imports

    return default_processes() if args.processes is None else args.processes


def _phantom_pclt20k(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for scipy.
    from nnunet_cipa.dataset_conversion.phantoms.pclt20k import make_pclt20k_phantom, spacing  # noqa: PLC0415 - see above

    slices = make_pclt20k_phantom(args.out, args.patients, args.seed, args.size, args.slices, _processes(args))
    print(f"{args.patients} patients, {slices} slices in {args.out}")
    print(f"voxels of {' x '.join(f'{side:.4g}' for side in spacing(args.size, args.slices))} mm")


def _phantom_lucid(args: argparse.Namespace) -> None:
    from nnunet_cipa.dataset_conversion.phantoms.lucid import Form, make_lucid_phantom  # noqa: PLC0415 - see above

    form = Form(args.format)
    make_lucid_phantom(
        args.out, args.patients, args.seed, args.size, args.slices, args.slice_distance, form, _processes(args)
    )
    print(f"{args.patients} patients of {args.slices} slices in {args.out}, synthetic")
