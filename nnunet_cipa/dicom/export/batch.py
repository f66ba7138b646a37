"""A folder of predicted masks back to the studies that they came from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from nnunet_cipa.dicom.export.context import Context, read_context
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.outcome import Exported
from nnunet_cipa.dicom.export.prediction import case_of
from nnunet_cipa.dicom.export.write import Target, beside_the_point, check_free, export_case, find_targets
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import Candidate, build_series, group_series
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError

ENDINGS = (".nii.gz", ".nii")


def export_folder(predictions: Path, studies: Path, out: Path, options: ExportOptions) -> Iterator[Exported]:
    """Write every mask of a folder to ``OUT/CASE``; what is there stays as it is, unless it is to be replaced.

    Parameters
    ----------
    predictions
        Folder of NIfTI masks named by their cases.
    studies
        Folder tree with the CTs, of as many patients as there may be.
    out
        Folder.
    options
        With a key table or a provenance, by which each case finds its CT.

    Yields
    ------
    Exported
        For each case, and one of no case with warnings on the folder tree.

    Raises
    ------
    CIPAError
        If the options are wrong, or there is nothing to export. What is wrong with a case is among its failures.
    """
    if options.series_uid is not None:
        raise UsageError(f"--series {options.series_uid}: PREDICTION is a folder, of which each case has its own CT")
    if options.key_table is None and options.provenance is None:
        raise UsageError(f"{predictions}: is a folder; give --key-table FILE, by which each case finds its CT")
    if out.suffix.lower() == ".dcm":
        raise UsageError(f"{out}: PREDICTION is a folder, so OUT is one, too")
    context = read_context(predictions, options)
    masks = sorted(path for path in predictions.iterdir() if path.name.endswith(ENDINGS) and path.name[0] != ".")
    if not masks:
        raise CIPAError(f"{predictions}: holds no mask that ends in {' or '.join(ENDINGS)}; give the folder of them")
    found = scan_folder(studies)
    candidates = group_series(found.images)
    if found.problems:
        yield Exported("", warnings=tuple(map(beside_the_point, found.problems.values())))
    masks_of = Counter(map(case_of, masks))
    for path in tqdm(masks, desc="exporting", unit="case", disable=None):
        case = case_of(path)
        if masks_of[case] > 1:
            yield Exported(case, failures=(f"{path}: case {case} has {masks_of[case]} masks; keep one of them",))
            continue
        try:
            yield _export(path, candidates, find_targets(out / case, options), context)
        except CIPAError as error:
            yield Exported(case, failures=(str(error),))
        except OSError as error:
            yield Exported(
                case, failures=(f"{error.filename or path}: {error.strerror}; check it and its permissions",)
            )


def _export(path: Path, candidates: Sequence[Candidate], targets: Sequence[Target], context: Context) -> Exported:
    overwrite = context.options.overwrite
    missing = [target for target in targets if overwrite or not target.path.exists()]
    there = tuple(f"there already: {target.path}" for target in targets if target not in missing)
    case = case_of(path)
    if not missing:
        return Exported(case, told=there)
    check_free(missing, overwrite=overwrite)
    series = build_series(context.find(case, candidates), grid_only=True)
    done = export_case(path, series, missing, context)
    return Exported(case, done.written, (*there, *done.told), done.warnings, done.failures)
