"""``nnunet-cipa convert lucid``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cipa.cli.conversion_options import add_dataset_options, dataset_options, warn
from nnunet_cipa.errors import CIPAError

if TYPE_CHECKING:
    from nnunet_cipa.dataset_conversion.lucid import Conversion

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it
ROIS = ("IGTV", "GTV")


def register_lucid(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "lucid",
        parents=[common],
        help="a radiotherapy PET/CT study set in DICOM or NIfTI, with IGTV",
        description="Write a study set to $nnUNet_raw/DatasetNNN_NAME, one case a patient. DICOM: any folder tree with "
        "CT, PET and RTSTRUCT; SUV by body weight is computed, and cases get names of their own. NIfTI: a folder for "
        "each patient with CT.nii.gz in HU, PET.nii.gz in SUV by body weight, in the frame of the CT, and IGTV.nii.gz "
        "or GTV.nii.gz, 0 and 1 on the CT's grid. Everything is checked before anything is written.",
    )
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="folder that holds the patients, and perhaps test.txt"
    )
    add_dataset_options(parser, 702, "LUCID")
    parser.add_argument(
        "--roi",
        metavar="ROI",
        help="the region that becomes the label: IGTV, GTV, or in DICOM another name or a regular expression for the "
        "whole name, whatever the case (default: IGTV; in DICOM also ITV and common spellings)",
    )
    parser.add_argument(
        "--label",
        choices=("IGTV", "GTV"),
        help="name of the label if --roi is a regular expression (default: IGTV)",
    )
    parser.add_argument(
        "--series",
        nargs="+",
        default=(),
        metavar="UID",
        help="in DICOM, series to take where a patient has several that could be meant",
    )
    parser.add_argument(
        "--key-table",
        type=Path,
        metavar="FILE",
        help="in DICOM, write the table that tells which patient a case is to this CSV file, outside of nnUNet_raw",
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="convert the other patients if some cannot be; the exit status is 1"
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
        help="window: clipped and scaled to 0..3.2 as in convert pclt20k, not normalised again; raw: HU and SUV, "
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


def _convert_lucid(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for nnU-Net.
    from nnunet_cipa.dataset_conversion.lucid import Options, convert_lucid  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.study_set.case import Intensity, Storage  # noqa: PLC0415 - see above
    from nnunet_cipa.dataset_conversion.study_set.study_set import Roi  # noqa: PLC0415 - see above

    named = args.roi is None or args.roi.upper() in ROIS
    if named and args.label is not None:
        raise CIPAError(f"--label {args.label}: is for a --roi that is a regular expression; leave it out")
    options = Options(
        **dataset_options(args),
        roi=Roi((args.roi or "IGTV").upper() if named else args.label or "IGTV"),
        pattern=None if named else args.roi,
        series=tuple(args.series),
        key_table=args.key_table,
        keep_going=args.keep_going,
        organs=tuple(dict.fromkeys(args.organs)),
        storage=Storage(Intensity(args.intensity), tuple(args.hu_window), tuple(args.suv_range)),
        crop=args.crop,
        test_fraction=args.test_fraction,
    )
    conversion = convert_lucid(args.source, options)
    _print_summary(conversion, options.roi.value)
    warn(conversion.warnings)
    if conversion.failures:
        raise CIPAError(
            f"{len(conversion.cases)} patients were converted, {len(conversion.failures)} failed, as told above; "
            "correct them and convert again with --overwrite"
        )


def _print_summary(conversion: "Conversion", roi: str) -> None:
    from nnunet_cipa.errors import listed  # noqa: PLC0415 - as above

    for part, folder in (("train", "imagesTr"), ("test", "imagesTs")):
        facts = [case.facts for case in conversion.part(part)]
        slices, with_tumour = (sum(counts) for counts in ([f.size[2] for f in facts], [f.tumour_slices for f in facts]))
        print(f"{part}: {len(facts)} cases, {slices} slices in {folder}, {with_tumour} of them with {roi}")
    print(f"written to {conversion.folder}")
    for failure in conversion.failures:
        print(f"patient {failure.patient} was not converted: {listed(failure.problems)}", file=sys.stderr)
