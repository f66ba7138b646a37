"""The options of a conversion of a radiotherapy study set."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import ORGANS, Roi, StudySetOptions
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option


@dataclass(frozen=True)
class Options(StudySetOptions):
    """How to convert.

    Attributes
    ----------
    pattern : str or None
        In DICOM, a regular expression for the name of the label's region; None for the usual names of an IGTV, or
        ``roi``.
    series : tuple of str
        In DICOM, series to take where a patient has several that could be meant.
    structure_sets : tuple of str
        In DICOM, which RTSTRUCT or SEG counts where a patient has several with the region: by UID, label, date
        (YYYYMMDD), or the words approved, latest, ct or pet (drawn on it), rtstruct, seg.
    per_study : bool
        In DICOM, make a case of each study that has the region, not of each patient; those of one share a fold.
    seg_threshold : float or None
        In DICOM, the least fraction, above 0 to 1, that counts as inside in a SEG that is FRACTIONAL.
    organs : tuple of str
        Also write the masks of these organs, as <case>_HEART.nii.gz to organsTr and organsTs, to count false positives
        in them.
    missing_slices : MissingSlices
        In DICOM, what to do where slices were left out when the region was drawn, between contours of one lesion:
        refuse; interpolate between the shapes; accept the region as it is.
    key_table : Path or None
        In DICOM, write the table that tells which patient a case is to this CSV file, outside of nnUNet_raw.
    suv : SuvOptions
        What counts where the headers of a PET do not tell SUV, or tell it wrong.
    """

    dataset_id: Annotated[int, Option("N")] = 702
    name: str = "LUCID"
    pattern: Annotated[str | None, Option(hidden=True)] = None
    series: Annotated[tuple[str, ...], Option("UID")] = ()
    structure_sets: Annotated[tuple[str, ...], Option("WHICH", flag="structure-set")] = ()
    per_study: bool = False
    seg_threshold: Annotated[float | None, Option("F", default="such a SEG is refused")] = None
    organs: Annotated[tuple[str, ...], Option(choices=lambda: ORGANS)] = ()
    missing_slices: MissingSlices = MissingSlices.REFUSE
    key_table: Annotated[Path | None, Option("FILE")] = None
    suv: SuvOptions = field(default_factory=SuvOptions)


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
