"""The options of a conversion of a radiotherapy study set."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import ORGANS, DicomOptions, Roi
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option, UsageError


@dataclass(frozen=True)
class Options(DicomOptions):
    """How to convert.

    Attributes
    ----------
    pattern : str or None
        In DICOM, a regular expression for the name of the label's region; None for the usual names of an IGTV, or
        ``roi``.
    per_study : bool
        In DICOM, make a case of each study that has the region, not of each patient; those of one share a fold.
    seg_threshold : float or None
        In DICOM, the least fraction, above 0 to 1, that counts as inside in a SEG that is FRACTIONAL.
    organs : tuple of str
        Also write the masks of these organs, as <case>_HEART.nii.gz to organsTr and organsTs, to count false positives
        in them.
    no_labels : bool
        Write CT and PET alone, to imagesTs, of patients who are to be predicted; contours are not looked at.
    """

    dataset_id: Annotated[int, Option("N")] = 702
    name: str = "LUCID"
    pattern: Annotated[str | None, Option(hidden=True)] = None
    per_study: bool = False
    seg_threshold: Annotated[float | None, Option("F", default="such a SEG is refused")] = None
    organs: Annotated[tuple[str, ...], Option(choices=lambda: ORGANS)] = ()
    no_labels: bool = False


def refuse_with_no_labels(options: Options) -> None:
    """Refuse options of labels and folds where there are to be none.

    Raises
    ------
    UsageError
        For one that was given with ``no_labels``.
    """
    given = {
        "roi": options.roi is not Options.roi or options.pattern is not None,
        "organs": options.organs,
        "structure-set": options.structure_sets,
        "seg-threshold": options.seg_threshold is not None,
        "missing-slices": options.missing_slices is not Options.missing_slices,
        "test-fraction": options.test_fraction is not None,
        "group": options.group is not None,
        "group-table": options.group_table is not None,
    }
    for name in (name for name, there in given.items() if there and options.no_labels):
        raise UsageError(f"--no-labels: leaves nothing for --{name} to act on; leave one of them out")


def choose_roi(roi: str | None, label: Roi | None) -> tuple[Roi, str | None]:
    """Return the label and the pattern that an ROI means, which is its name or a regular expression for it.

    Parameters
    ----------
    roi : str or None
        IGTV or GTV, whatever the case, or a regular expression for the whole name; None for an IGTV by its usual names.
    label : Roi or None
        Name of the label if ``roi`` is a regular expression.

    Raises
    ------
    CIPAError
        If there is a ``label`` and nothing for it to name.
    """
    if roi is not None and roi.upper() not in list(Roi):
        return label or Options.roi, roi
    if label is not None:
        raise CIPAError(f"--label {label.value}: is for a --roi that is a regular expression; leave it out")
    return (Options.roi if roi is None else Roi(roi.upper())), None
