"""The options of a conversion of autoPET."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import Roi, StudySetOptions, WithoutTumour
from nnunet_cipa.options import Option


class Tracer(str, Enum):
    """Whose studies are converted: those with FDG, with PSMA, or all."""

    ALL = "all"
    FDG = "fdg"
    PSMA = "psma"


@dataclass(frozen=True)
class Options(StudySetOptions):
    """How to convert.

    Attributes
    ----------
    tracer : Tracer
        Studies with this tracer alone.
    without_tumour : WithoutTumour
        Studies without lesions: keep them as background, leave them out, or refuse them.
    tumour_slices : bool
        Cut each study to the slices from the first to the last with lesions.
    highest_suv : float
        A PET with more is taken to be in other units, and refused.
    """

    dataset_id: Annotated[int, Option("N")] = 703
    name: str = "autoPET"
    roi: Annotated[Roi, Option(hidden=True)] = Roi.GTV
    tracer: Tracer = Tracer.ALL
    without_tumour: WithoutTumour = WithoutTumour.KEEP
    tumour_slices: bool = False
    highest_suv: Annotated[float, Option("SUV")] = 1000.0
