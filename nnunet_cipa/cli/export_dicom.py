"""``nnunet-cipa export-dicom``."""

from pathlib import Path

from nnunet_cipa.cli.command import Command
from nnunet_cipa.dicom.export.options import ExportOptions


def export(prediction: Path, ct_series: Path, out: Path, options: ExportOptions) -> None:
    """Write a mask that nnU-Net predicted as an RTSTRUCT of the CT, for planning systems.

    It is UNAPPROVED, and not for clinical use without a physician's review.

    Parameters
    ----------
    prediction
        NIfTI mask on the CT's voxels, perhaps cropped.
    ct_series
        Folder with the CT in DICOM.
    out
        Folder, or file that ends in .dcm.
    """
    from nnunet_cipa.dicom.export.write import export_dicom  # noqa: PLC0415 - SimpleITK and pydicom are slow to import

    for path in export_dicom(prediction, ct_series, out, options):
        print(f"written: {path}")


COMMAND = Command("export-dicom", "a predicted mask as RTSTRUCT, and as DICOM SEG", export)
