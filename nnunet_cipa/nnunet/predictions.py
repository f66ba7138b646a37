"""The predicted masks of a fold's validation, checked to be those of its cases."""

from collections.abc import Collection
from pathlib import Path

from nnunet_cipa.errors import CIPAError

SUMMARY = "summary.json"
# what nnU-Net's readers take
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".gipl", ".png", ".bmp", ".tif", ".tiff", ".b2nd")


def find_predictions(fold: Path, cases: Collection[str], ending: str) -> dict[str, Path]:
    """Return case -> predicted mask of a fold that was trained and validated to its end.

    Parameters
    ----------
    fold : Path
        ``TRAINER__PLANS__CONFIGURATION/fold_K``.
    cases : collection of str
        The validation cases of the fold.
    ending : str
        Of the dataset's files.

    Raises
    ------
    CIPAError
        If the fold is not complete, a prediction is missing, there are two of a case, or one is of another case.
    """
    folder = fold / "validation"
    if not folder.is_dir() or not (folder / SUMMARY).is_file():
        raise CIPAError(
            f"{folder / SUMMARY}: no such file, so {fold.name} was not validated to its end; run nnUNetv2_train on it, "
            "with --val if it is trained, or leave it out by --trainers or --folds"
        )
    files = sorted(path for path in folder.iterdir() if path.name.endswith((ending, *_ENDINGS)))
    found: dict[str, Path] = {}
    for path in files:
        case = _case(path.name, ending)
        if case in found:
            raise CIPAError(
                f"{path}: is a second prediction of case {case}, beside {found[case].name}; keep the one that ends in "
                f"{ending}"
            )
        if case not in cases:
            raise CIPAError(
                f"{path}: predicts case {case}, which is not validated in {fold.name}; remove it, or bring back the "
                "splits_final.json that the fold was trained with"
            )
        found[case] = path
    for case in sorted(cases):
        path = folder / f"{case}{ending}"
        if found.get(case) != path:
            raise CIPAError(f"{path}: no such file, but {fold.name} validates case {case}; run nnUNetv2_train --val")
    return found


def _case(name: str, ending: str) -> str:
    return name.removesuffix(next(end for end in (ending, *_ENDINGS) if name.endswith(end)))
