"""``nnunet-cipa convert pclt20k``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cipa.cli.conversion_options import add_dataset_options, dataset_options, warn

if TYPE_CHECKING:
    from nnunet_cipa.dataset_conversion.pclt20k.convert import Conversion

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register_pclt20k(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "pclt20k",
        parents=[common],
        help="PCLT20K: PNG slices to one NIfTI case a patient",
        description="Write PCLT20K (PNG triples, train.txt, test.txt) to $nnUNet_raw/DatasetNNN_NAME, one case a "
        "patient. Everything is checked before anything is written. PCLT20K is for non-commercial research.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder with train.txt, test.txt and the patients")
    add_dataset_options(parser, 701, "PCLT20K")
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
        help="paper: v / 255 * 3.2, to which the network adds -1.6, not normalised again; raw: grey values, "
        "which nnU-Net normalises (default: %(default)s)",
    )
    parser.add_argument(
        "--split-at-gaps",
        action="store_true",
        help="cut a patient where slices seem to be missing into several cases, which stay in one fold",
    )
    parser.add_argument("--statistics", type=Path, metavar="DIR", help="write figures and a table of the slices to DIR")
    parser.set_defaults(run=_convert_pclt20k)


def _convert_pclt20k(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for nnU-Net.
    from nnunet_cipa.dataset_conversion.pclt20k.case import Intensity  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k  # noqa: PLC0415 - see above

    options = Options(
        **dataset_options(args),
        spacing=tuple(args.spacing),
        intensity=Intensity(args.intensity),
        split_at_gaps=args.split_at_gaps,
    )
    if args.statistics is not None:
        args.statistics.mkdir(parents=True, exist_ok=True)
    conversion = convert_pclt20k(args.source, options)
    print(_summary(conversion))
    if args.statistics is not None:
        from nnunet_cipa.dataset_conversion.pclt20k.tumour_statistics import write_statistics  # noqa: PLC0415 - see above

        write_statistics(args.statistics, conversion.patients)
        print(f"statistics in {args.statistics}")
    warn(conversion.warnings)


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
