"""The options of a conversion of a study set."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dataset_conversion.pipeline.options import ConversionOptions
from nnunet_cipa.dataset_conversion.study_set.options import ORGANS, Roi, Storage
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option


@dataclass(frozen=True)
class Options(ConversionOptions):
    """How to convert.

    Attributes
    ----------
    roi : Roi
        The mask that becomes the label.
    pattern : str or None
        In DICOM, a regular expression for the name of its region; None for the usual names of an IGTV, or ``roi``.
    series : tuple of str
        In DICOM, series to take where a patient has several that could be meant.
    key_table : Path or None
        In DICOM, write the table that tells which patient a case is to this CSV file, outside of nnUNet_raw.
    keep_going : bool
        Convert the other patients if some cannot be; the exit status is 1.
    organs : tuple of str
        Also write the masks of these organs, as <case>_HEART.nii.gz to organsTr and organsTs, to count false positives
        in them.
    storage : Storage
        How intensities are stored.
    crop : bool
        Cut the cases to the patient's outline in the axial plane; all slices and all of the tumour stay.
    test_fraction : float or None
        Part of the patients to hold out, 0 to 0.5, drawn by the seed.
    """

    dataset_id: Annotated[int, Option("N")] = 702
    name: str = "LUCID"
    roi: Annotated[Roi, Option(hidden=True)] = Roi.IGTV
    pattern: Annotated[str | None, Option(hidden=True)] = None
    series: Annotated[tuple[str, ...], Option("UID")] = ()
    key_table: Annotated[Path | None, Option("FILE")] = None
    keep_going: bool = False
    organs: Annotated[tuple[str, ...], Option(choices=lambda: ORGANS)] = ()
    storage: Storage = field(default_factory=Storage)
    crop: bool = False
    test_fraction: Annotated[float | None, Option("F", default="those in SOURCE/test.txt, or none")] = None


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
