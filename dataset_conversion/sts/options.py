"""The options of a conversion of Soft-tissue-Sarcoma."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import DicomOptions, Roi
from nnunet_cipa.options import Option


class Truth(str, Enum):
    """What becomes the label: the tumour's mass, or the mass with the edema round it."""

    MASS = "mass"
    MASS_WITH_EDEMA = "mass-with-edema"


@dataclass(frozen=True)
class Options(DicomOptions):
    """How to convert.

    Attributes
    ----------
    truth : Truth
        What becomes the label: the mass, or the mass with the edema where there is one.
    pattern : str or None
        Name of the mass, or a regular expression for the whole name, whatever the case.
    tumour_slices : bool
        Cut each case to the slices from the first to the last with the mass.
    """

    dataset_id: Annotated[int, Option("N")] = 705
    name: str = "STS"
    roi: Annotated[Roi, Option(hidden=True)] = Roi.GTV
    truth: Truth = Truth.MASS
    pattern: Annotated[str | None, Option("ROI", flag="roi", default="GTV_Mass and its spellings")] = None
    tumour_slices: bool = False
