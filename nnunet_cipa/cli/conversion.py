"""``nnunet-cipa convert`` and ``nnunet-cipa phantom``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnunet_cipa.dataset_conversion.pclt20k import Conversion

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add both subcommands."""
    convert = subparsers.add_parser("convert", help="write a public data set to nnUNet_raw")
    _register_convert(convert.add_subparsers(metavar="DATASET", required=True), common)
    phantom = subparsers.add_parser("phantom", help="make a synthetic study set in the layout of a public one")
    _register_phantom(phantom.add_subparsers(metavar="DATASET", required=True), common)


def _register_convert(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "pclt20k",
        parents=[common],
        help="PCLT20K: PNG slices to one NIfTI case a patient",
        description="Write PCLT20K (PNG triples, train.txt, test.txt) to $nnUNet_raw/DatasetNNN_NAME, one case a "
        "patient. Everything is checked before anything is written. PCLT20K is for non-commercial research.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder with train.txt, test.txt and the patients")
    parser.add_argument("--dataset-id", type=int, default=701, metavar="N", help="1 to 999 (default: %(default)s)")
    parser.add_argument("--name", default="PCLT20K", help="name after the number (default: %(default)s)")
    parser.add_argument("--processes", type=int, metavar="N", help="processes (default: the CPU cores, at most 8)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dataset of that id and name")
    parser.add_argument(
        "--spacing",
        type=float,
        nargs=3,
        default=(0.98, 0.98, 2.8),
        metavar=("X", "Y", "Z"),
        help="assumed voxel size in mm, as PCLT20K does not give it (default: 0.98 0.98 2.8, the paper's CT)",
    )
    parser.add_argument(
        "--intensity",
        choices=("paper", "raw"),
        default="paper",
        help="paper: v / 255 * 3.2 - 1.6, not normalised again; raw: grey values, which nnU-Net normalises "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--split-at-gaps",
        action="store_true",
        help="cut a patient where slices seem to be missing into several cases, which stay in one fold",
    )
    parser.add_argument("--statistics", type=Path, metavar="DIR", help="write figures and a table of the slices to DIR")
    parser.add_argument("--seed", type=int, default=12345, metavar="N", help="of the five folds (default: %(default)s)")
    parser.set_defaults(run=_convert_pclt20k)


def _register_phantom(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "pclt20k",
        parents=[common],
        help="synthetic thorax PET/CT in the layout of PCLT20K",
        description="Write synthetic thorax PET/CT slices with lung tumours in the layout of PCLT20K.",
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
        "--slices", type=int, default=36, metavar="N", help="about how many slices a patient (default: %(default)s)"
    )
    parser.set_defaults(run=_phantom_pclt20k)


def _convert_pclt20k(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for nnU-Net and torch.
    from nnunet_cipa.dataset_conversion.pclt20k import Options, convert_pclt20k  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.pclt20k_case import Intensity  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.workers import default_processes  # noqa: PLC0415 - see above

    options = Options(
        dataset_id=args.dataset_id,
        name=args.name,
        spacing=tuple(args.spacing),
        intensity=Intensity(args.intensity),
        seed=args.seed,
        processes=default_processes() if args.processes is None else args.processes,
        overwrite=args.overwrite,
        split_at_gaps=args.split_at_gaps,
    )
    if args.statistics is not None:
        args.statistics.mkdir(parents=True, exist_ok=True)
    conversion = convert_pclt20k(args.source, options)
    print(_summary(conversion))
    if args.statistics is not None:
        from nnunet_cipa.dataset_conversion.tumour_statistics import write_statistics  # noqa: PLC0415 - see above

        write_statistics(args.statistics, conversion.patients)
        print(f"statistics in {args.statistics}")
    for warning in conversion.warnings:
        print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)


def _summary(conversion: "Conversion") -> str:
    lines = []
    for part, folder in (("train", "imagesTr"), ("test", "imagesTs")):
        cases = conversion.cases(part)
        slices = sum(len(case.facts) for case in cases)
        gaps = [len(patient.gaps) for patient in conversion.patients if patient.patient.part == part]
        lines.append(
            f"{part}: {len(cases)} cases, {slices} slices in {folder}; {sum(gaps)} suspected gaps in "
            f"{sum(count > 0 for count in gaps)} of {len(gaps)} patients"
        )
    lines.append(f"written to {conversion.folder}")
    return "\n".join(lines)


def _phantom_pclt20k(args: argparse.Namespace) -> None:
    from nnunet_cipa.dataset_conversion.phantom_pclt20k import make_pclt20k_phantom  # noqa: PLC0415 - as above

    slices = make_pclt20k_phantom(args.out, args.patients, args.seed, args.size, args.slices)
    pixel = 512 * 0.98 / args.size
    print(f"{args.patients} patients, {slices} slices in {args.out}")
    print(f"voxels of {pixel:.4g} x {pixel:.4g} x 2.8 mm")
