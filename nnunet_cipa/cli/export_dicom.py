"""``nnunet-cipa export-dicom``."""

import argparse
from pathlib import Path


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "export-dicom",
        parents=[common],
        help="a predicted mask as RTSTRUCT, and as DICOM SEG",
        description="Write a mask that nnU-Net predicted as an RTSTRUCT of the CT, for planning systems. It is "
        "UNAPPROVED, and not for clinical use without a physician's review.",
    )
    parser.add_argument(
        "prediction", type=Path, metavar="PREDICTION", help="NIfTI mask on the CT's voxels, perhaps cropped"
    )
    parser.add_argument("ct", type=Path, metavar="CT_SERIES", help="folder with the CT in DICOM")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder, or file that ends in .dcm")
    parser.add_argument("--seg", action="store_true", help="write a DICOM SEG too (needs highdicom)")
    parser.add_argument("--roi-name", default="nnunet_cipa", metavar="NAME", help="of the ROI (default: %(default)s)")
    parser.add_argument(
        "--label", type=int, default=1, metavar="N", help="value in the mask that is the ROI (default: %(default)s)"
    )
    parser.add_argument("--series", metavar="UID", help="the CT's SeriesInstanceUID, if the folder holds several")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> None:
    # Imported here: the other subcommands should not wait for SimpleITK and pydicom.
    from nnunet_cipa.dicom.export.write import ExportOptions, export_dicom  # noqa: PLC0415 - see above

    options = ExportOptions(args.roi_name, args.label, args.series, args.seg, args.overwrite)
    for path in export_dicom(args.prediction, args.ct, args.out, options):
        print(f"written: {path}")
