"""``nnunet-cipa export-dicom``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cipa.cli.command import Command
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.errors import CIPAError

if TYPE_CHECKING:
    from nnunet_cipa.dicom.export.outcome import Exported


def export(prediction: Path, ct_series: Path, out: Path, options: ExportOptions) -> None:
    """Write a mask that nnU-Net predicted as an RTSTRUCT of the CT, for planning systems.

    It is UNAPPROVED, and not for clinical use without a physician's review. With --key-table, a mask whose case belongs
    to another CT is refused. A folder of masks needs one: each case finds its CT, and OUT/CASE gets its files; run
    again, it writes what is missing.

    Parameters
    ----------
    prediction
        NIfTI mask on the CT's voxels, perhaps cropped, named by its case; or a folder of such masks.
    ct_series
        Folder with the CT in DICOM; for a folder of masks, the folder tree of the studies.
    out
        Folder, or file that ends in .dcm.
    """
    from nnunet_cipa.dicom.export.batch import export_folder  # noqa: PLC0415 - SimpleITK and pydicom are slow to import
    from nnunet_cipa.dicom.export.write import export_dicom  # noqa: PLC0415 - as above

    if prediction.is_dir():
        _tell_all(list(export_folder(prediction, ct_series, out, options)))
        return
    exported = export_dicom(prediction, ct_series, out, options)
    _tell(exported)
    if exported.failures:
        raise CIPAError("; ".join(exported.failures))


def _tell(exported: "Exported") -> None:
    for line in (*exported.told, *(f"written: {path}" for path in exported.written)):
        print(line)
    for warning in exported.warnings:
        print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)


def _tell_all(exported: "list[Exported]") -> None:
    for one in exported:
        _tell(one)
    failed = [one for one in exported if one.failures]
    for one in failed:
        print(f"case {one.case}: {'; '.join(one.failures)}", file=sys.stderr)
    if failed:
        done = sum(1 for one in exported if one.case) - len(failed)
        raise CIPAError(
            f"{done} cases are exported, {len(failed)} failed, as told above; correct them and run the command again, "
            "which writes what is missing"
        )


COMMAND = Command("export-dicom", "a predicted mask as RTSTRUCT, and as DICOM SEG", export)
