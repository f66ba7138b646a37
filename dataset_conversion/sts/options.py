"""The options of a conversion of Soft-tissue-Sarcoma."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import Roi, StudySetOptions
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.options import Option


class Truth(str, Enum):
    """What becomes the label: the tumour's mass, or the mass with the edema round it."""

    MASS = "mass"
    MASS_WITH_EDEMA = "mass-with-edema"


@dataclass(frozen=True)
class Options(StudySetOptions):
    """How to convert.

    Attributes
    ----------
    truth : Truth
        What becomes the label: the mass, or the mass with the edema where there is one.
    pattern : str or None
        Name of the mass, or a regular expression for the whole name, whatever the case.
    series : tuple of str
        Series to take where a patient has several that could be meant.
    structure_sets : tuple of str
        Which RTSTRUCT counts where a patient has several with the mass: by UID, label, date (YYYYMMDD), or the words
        approved, latest, ct or pet (drawn on it); without it the one on the CT goes before the one on the PET.
    missing_slices : MissingSlices
        What to do where slices were left out when the mass was drawn, between contours of one lesion: refuse;
        interpolate between the shapes; accept the region as it is.
    key_table : Path or None
        Write the table of the patients, their series and scanners to this CSV file, outside of nnUNet_raw.
    suv : SuvOptions
        What counts where the headers of a PET do not tell SUV, or tell it wrong.
    tumour_slices : bool
        Cut each case to the slices from the first to the last with the mass.
    """

    dataset_id: Annotated[int, Option("N")] = 705
    name: str = "STS"
    roi: Annotated[Roi, Option(hidden=True)] = Roi.GTV
    truth: Truth = Truth.MASS
    pattern: Annotated[str | None, Option("ROI", flag="roi", default="GTV_Mass and its spellings")] = None
    series: Annotated[tuple[str, ...], Option("UID")] = ()
    structure_sets: Annotated[tuple[str, ...], Option("WHICH", flag="structure-set")] = ()
    missing_slices: MissingSlices = MissingSlices.REFUSE
    key_table: Annotated[Path | None, Option("FILE")] = None
    suv: SuvOptions = field(default_factory=SuvOptions)
    tumour_slices: bool = False
