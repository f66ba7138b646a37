"""``nnunet-cipa convert``; adds ``nnunet-cipa phantom`` too."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cipa.cli.phantom import register_phantom

if TYPE_CHECKING:
    from nnunet_cipa.dataset_conversion.pclt20k.convert import Conversion

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add both subcommands."""
    convert = subparsers.add_parser("convert", help="write a data set to nnUNet_raw")
    datasets = convert.add_subparsers(metavar="DATASET", required=True)
    _register_convert_pclt20k(datasets, common)
    _register_convert_lucid(datasets, common)
    register_phantom(subparsers, common)


def _register_convert_pclt20k(
    subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "pclt20k",
        parents=[common],
        help="PCLT20K: PNG slices to one NIfTI case a patient",
        description="Write PCLT20K (PNG triples, train.txt, test.txt) to $nnUNet_raw/DatasetNNN_NAME, one case a "
        "patient. Everything is checked before anything is written. PCLT20K is for non-commercial research.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder with train.txt, test.txt and the patients")
    _add_dataset_options(parser, 701, "PCLT20K")
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
    parser.set_defaults(run=_convert_pclt20k)


def _register_convert_lucid(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "lucid",
        parents=[common],
        help="a radiotherapy PET/CT study set in NIfTI, with IGTV",
        description="Write a study set of NIfTI files to $nnUNet_raw/DatasetNNN_NAME, one case a patient. It reads a "
        "folder for each patient with CT.nii.gz in HU, PET.nii.gz in SUV by body weight, in the frame of the CT, and "
        "IGTV.nii.gz or GTV.nii.gz, 0 and 1 on the CT's grid. It does not read DICOM. Everything is checked before "
        "anything is written.",
    )
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="folder with one folder a patient, and perhaps test.txt"
    )
    _add_dataset_options(parser, 702, "LUCID")
    parser.add_argument(
        "--roi", choices=("IGTV", "GTV"), default="IGTV", help="the mask that becomes the label (default: %(default)s)"
    )
    parser.add_argument(
        "--organs",
        choices=("HEART",),
        nargs="+",
        default=(),
        help="also write the masks of these organs, as <case>_HEART.nii.gz to organsTr and organsTs, to count false "
        "positives in them",
    )
    parser.add_argument(
        "--crop",
        action="store_true",
        help="cut the cases to the patient's outline in the axial plane; all slices and all of the tumour stay",
    )
    parser.add_argument(
        "--intensity",
        choices=("window", "raw"),
        default="window",
        help="window: clipped and scaled to -1.6..1.6 as in convert pclt20k, not normalised again; raw: HU and SUV, "
        "which nnU-Net normalises (default: %(default)s)",
    )
    parser.add_argument(
        "--hu-window",
        type=float,
        nargs=2,
        default=(-1200.0, -200.0),
        metavar=("LOW", "HIGH"),
        help="for --intensity window (default: -1200 -200, that of PCLT20K)",
    )
    parser.add_argument(
        "--suv-range",
        type=float,
        nargs=2,
        default=(0.0, 20.0),
        metavar=("LOW", "HIGH"),
        help="for --intensity window (default: 0 20; no paper publishes its own)",
    )
    parser.add_argument(
        "--test-fraction",
        type=float,
        metavar="F",
        help="part of the patients to hold out, 0 to 0.5, drawn by --seed (default: those in SOURCE/test.txt, or none)",
    )
    parser.set_defaults(run=_convert_lucid)


def _add_dataset_options(parser: argparse.ArgumentParser, number: int, name: str) -> None:
    parser.add_argument("--dataset-id", type=int, default=number, metavar="N", help="1 to 999 (default: %(default)s)")
    parser.add_argument("--name", default=name, help="name after the number (default: %(default)s)")
    parser.add_argument("--processes", type=int, metavar="N", help="processes (default: the CPU cores, at most 8)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dataset of that id and name")
    parser.add_argument("--seed", type=int, default=12345, metavar="N", help="of the five folds (default: %(default)s)")


def _convert_pclt20k(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for nnU-Net and torch.
    from nnunet_cipa.dataset_conversion.pclt20k.case import Intensity  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k  # noqa: PLC0415 - see above
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
        from nnunet_cipa.dataset_conversion.pclt20k.tumour_statistics import write_statistics  # noqa: PLC0415 - see above

        write_statistics(args.statistics, conversion.patients)
        print(f"statistics in {args.statistics}")
    _warn(conversion.warnings)


def _convert_lucid(args: argparse.Namespace) -> None:
    from nnunet_cipa.dataset_conversion.lucid.case import Intensity, Storage  # noqa: PLC0415 - as above
    from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid  # noqa: PLC0415 - as above
    from nnunet_cipa.dataset_conversion.lucid.source import Roi  # noqa: PLC0415 - as above
    from nnunet_cipa.dataset_conversion.workers import default_processes  # noqa: PLC0415 - as above

    options = Options(
        dataset_id=args.dataset_id,
        name=args.name,
        roi=Roi(args.roi),
        crop=args.crop,
        organs=tuple(dict.fromkeys(args.organs)),
        storage=Storage(Intensity(args.intensity), tuple(args.hu_window), tuple(args.suv_range)),
        test_fraction=args.test_fraction,
        seed=args.seed,
        processes=default_processes() if args.processes is None else args.processes,
        overwrite=args.overwrite,
    )
    conversion = convert_lucid(args.source, options)
    for part, folder in (("train", "imagesTr"), ("test", "imagesTs")):
        facts = [case.facts for case in conversion.part(part)]
        slices, with_tumour = (sum(counts) for counts in ([f.size[2] for f in facts], [f.tumour_slices for f in facts]))
        print(f"{part}: {len(facts)} cases, {slices} slices in {folder}, {with_tumour} of them with {args.roi}")
    print(f"written to {conversion.folder}")
    _warn(conversion.warnings)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
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
