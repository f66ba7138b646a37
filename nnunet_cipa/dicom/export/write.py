"""From a predicted mask to DICOM objects beside the CT that it belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.derived import Origin
from nnunet_cipa.dicom.export.context import Context, read_context
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.outcome import Exported
from nnunet_cipa.dicom.export.prediction import case_of, read_prediction
from nnunet_cipa.dicom.export.references import check_references
from nnunet_cipa.dicom.export.rois import left_out, make_regions
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.region import Region
from nnunet_cipa.dicom.rtstruct.writer import make_structure_set
from nnunet_cipa.dicom.saving import save_object
from nnunet_cipa.dicom.seg.writer import make_segmentation
from nnunet_cipa.dicom.series.grouping import Candidate, Series, build_series, group_series
from nnunet_cipa.dicom.series.selection import select_ct
from nnunet_cipa.errors import CIPAError, refuse

Make = Callable[[Sequence[Region], Series, Origin], Dataset]


@dataclass(frozen=True)
class Target:
    """A file to be written, and what makes its content."""

    path: Path
    make: Make


def export_dicom(prediction: Path, ct: Path, out: Path, options: ExportOptions) -> Exported:
    """Write a mask as RTSTRUCT and, if wanted, as DICOM SEG, each by itself.

    Parameters
    ----------
    prediction
        NIfTI mask on the CT's voxels, perhaps reoriented or cropped (see ``Prediction.on``).
    ct
        Folder with the CT series.
    out
        A file that ends in .dcm, beside which the segmentation is NAME_seg.dcm; or a folder for rtstruct.dcm and
        seg.dcm.

    Returns
    -------
    Exported
        The files, complete, and what could not be written though others could.

    Raises
    ------
    CIPAError
        If anything is refused; then nothing has been written.
    """
    context = read_context(prediction.parent, options)
    targets = find_targets(out, options)
    check_free(targets, overwrite=options.overwrite)
    found = scan_folder(ct)
    if not context.ties:
        refuse(found.problems.values())
    try:
        chosen, warnings = _choose(prediction, group_series(found.images), context)
        series = build_series(chosen, grid_only=True)
    except CIPAError as error:
        raise CIPAError(f"{ct}: {error}") from error
    exported = export_case(prediction, series, targets, context)
    warnings += [beside_the_point(problem) for problem in found.problems.values()]
    warnings += [f"{ct}: CT series {series.series_uid}: {note}" for note in series.notes]
    return Exported(exported.case, exported.written, exported.told, (*warnings, *exported.warnings), exported.failures)


def beside_the_point(problem: str) -> str:
    """Return the warning of a file that cannot be read, where the CT is known without it."""
    return f"{problem}; the export went on without it"


def export_case(prediction: Path, series: Series, targets: Sequence[Target], context: Context) -> Exported:
    """Write a mask to some targets.

    Raises
    ------
    CIPAError
        If the mask is not one of the CT's voxels, or does not hold the labels that are wanted.
    """
    check_references(series)
    mask = read_prediction(prediction)
    regions = make_regions(mask, context.labels, context.options.roi, series.grid())
    told = [
        f"{prediction}: no voxel for ROI {region.name}, which is written without contours"
        for region in regions
        if not region.mask.any()
    ]
    _protect([prediction, *(piece.path for piece in series.slices)], targets)
    origin = context.origin([region.name for region in regions])
    written, failures = [], []
    for target in targets:
        try:
            save_object(target.make(regions, series, origin), target.path)
            written.append(target.path)
        except CIPAError as error:
            failures.append(f"{target.path}: was not written: {error}")
    others = left_out(mask, context.labels, context.options.roi)
    warnings = [
        f"{prediction}: holds {value} too, which is not exported; choose it with --label" for value in others[:1]
    ]
    return Exported(mask.case, tuple(written), tuple(told), tuple(warnings), tuple(failures))


def find_targets(out: Path, options: ExportOptions) -> list[Target]:
    """Return what to write to a folder or a file.

    Raises
    ------
    CIPAError
        If that cannot be.
    """
    is_file = out.suffix.lower() == ".dcm"
    names = [out, out.with_name(f"{out.stem}_seg.dcm")] if is_file else [out / "rtstruct.dcm", out / "seg.dcm"]
    if not is_file and out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file whose name does not end in .dcm; give a folder, or a name that does")
    targets = [Target(names[0], make_structure_set), Target(names[1], make_segmentation)]
    wanted = targets if options.segmentation else targets[:1]
    for target in wanted:
        if target.path.is_dir():
            raise CIPAError(f"{target.path}: is a folder; give another OUT")
    return wanted


def check_free(targets: Sequence[Target], *, overwrite: bool) -> None:
    """Refuse files that are there and not to be replaced.

    Raises
    ------
    CIPAError
        For the first one.
    """
    for target in targets:
        if target.path.exists() and not overwrite:
            raise CIPAError(f"{target.path}: exists; give --overwrite to replace it, or another OUT")


def read_target_ct(folder: Path, uid: str | None) -> Series:
    """Read the CT series of a folder tree, without its pixels.

    Raises
    ------
    CIPAError
        If it holds none, several and no ``uid``, files that cannot be read, or the series is not whole and regular.
    """
    found = scan_folder(folder)
    refuse(found.problems.values())
    try:
        return build_series(select_ct(group_series(found.images), uid), grid_only=True)
    except CIPAError as error:
        raise CIPAError(f"{folder}: {error}") from error


def _choose(prediction: Path, candidates: list[Candidate], context: Context) -> tuple[Candidate, list[str]]:
    """Return the CT of a mask, and what has to be said of the choice."""
    wanted = context.options.series_uid
    if not context.ties:
        chosen = select_ct(candidates, wanted)
        unchecked = (
            f"{prediction}: nothing tells that it belongs to CT series {chosen.series_uid} of PatientID "
            f"{chosen.patient_id or '(empty)'}; give --key-table FILE, which convert wrote, to have it checked"
        )
        return chosen, [unchecked]
    case = case_of(prediction)
    chosen = context.find(case, candidates)
    if wanted not in {None, chosen.series_uid}:
        raise CIPAError(f"--series {wanted}: case {case} belongs to CT series {chosen.series_uid}; leave out --series")
    return chosen, []


def _protect(inputs: list[Path], targets: Sequence[Target]) -> None:
    taken = {path.resolve() for path in inputs}
    for target in targets:
        if target.path.resolve() in taken:
            raise CIPAError(f"{target.path}: is an input of the export; give another OUT")
