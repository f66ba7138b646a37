"""From a predicted mask to DICOM objects beside the CT that it belongs to."""

from pathlib import Path

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.prediction import read_prediction
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.writer import make_structure_set
from nnunet_cipa.dicom.seg.writer import make_segmentation
from nnunet_cipa.dicom.series.grouping import Series, build_series, group_series
from nnunet_cipa.dicom.series.selection import select_ct
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.new_folders import passing_folder

LONGEST_NAME = 64
STAGING = ".nnunet_cipa_export_"


def export_dicom(prediction: Path, ct: Path, out: Path, options: ExportOptions) -> list[Path]:
    """Write a mask as RTSTRUCT and, if wanted, as DICOM SEG.

    Parameters
    ----------
    prediction
        NIfTI mask on the CT's voxels, perhaps reoriented or cropped (see ``read_prediction``).
    ct
        Folder with the CT series.
    out
        A file that ends in .dcm, beside which the segmentation is NAME_seg.dcm; or a folder for rtstruct.dcm and
        seg.dcm.

    Returns
    -------
    list of Path
        The files, complete.

    Raises
    ------
    CIPAError
        If anything is refused; then nothing has been written.
    """
    _check_name(options.roi_name)
    targets = _targets(out, options)
    series = read_target_ct(ct, options.series_uid)
    mask = read_prediction(prediction, series.grid(), options.label)
    _protect([prediction, *(piece.path for piece in series.slices)], targets)
    objects = [make_structure_set(mask, series, options.roi_name)]
    if options.segmentation:
        objects.append(make_segmentation(mask, series, options.roi_name))
    _write(objects, targets)
    return targets


def read_target_ct(folder: Path, uid: str | None) -> Series:
    """Read the CT series of a folder tree.

    Raises
    ------
    CIPAError
        If it holds none, several and no ``uid``, files that cannot be read, or the series is not whole and regular.
    """
    found = scan_folder(folder)
    refuse(found.problems.values())
    try:
        return build_series(select_ct(group_series(found.images), uid))
    except CIPAError as error:
        raise CIPAError(f"{folder}: {error}") from error


def _check_name(name: str) -> None:
    fit = name.strip() and len(name) <= LONGEST_NAME and name.isascii() and name.isprintable() and "\\" not in name
    if not fit:
        raise CIPAError(f"--roi-name {name!r}: give 1 to {LONGEST_NAME} printable ASCII characters without a backslash")


def _targets(out: Path, options: ExportOptions) -> list[Path]:
    is_file = out.suffix.lower() == ".dcm"
    names = [out, out.with_name(f"{out.stem}_seg.dcm")] if is_file else [out / "rtstruct.dcm", out / "seg.dcm"]
    targets = names if options.segmentation else names[:1]
    if not is_file and out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file whose name does not end in .dcm; give a folder, or a name that does")
    for target in targets:
        if target.is_dir():
            raise CIPAError(f"{target}: is a folder; give another OUT")
        if target.exists() and not options.overwrite:
            raise CIPAError(f"{target}: exists; give --overwrite to replace it, or another OUT")
    return targets


def _protect(inputs: list[Path], targets: list[Path]) -> None:
    taken = {path.resolve() for path in inputs}
    for target in targets:
        if target.resolve() in taken:
            raise CIPAError(f"{target}: is an input of the export; give another OUT")


def _write(objects: list[Dataset], targets: list[Path]) -> None:
    folder = targets[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with passing_folder(folder, STAGING) as staging:
            for made, target in zip(objects, targets, strict=True):
                made.save_as(staging / target.name, enforce_file_format=True)
            for target in targets:
                (staging / target.name).replace(target)
    except OSError as error:
        where = error.filename or folder
        remedy = "free space, check permissions, or give another OUT"
        raise CIPAError(f"{where}: writing failed ({error.strerror}); {remedy}") from error
