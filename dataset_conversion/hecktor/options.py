"""The options of a conversion of HECKTOR."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import Roi, StudySetOptions, WithoutTumour
from nnunet_cipa.options import Option


class Region(str, Enum):
    """What becomes the label: the primary tumour, the nodes, or both."""

    GTVP = "GTVp"
    GTVN = "GTVn"
    BOTH = "both"

    @property
    def values(self) -> tuple[int, ...]:
        """Values in HECKTOR's labels."""
        return {Region.GTVP: (1,), Region.GTVN: (2,), Region.BOTH: (1, 2)}[self]


class Field(str, Enum):
    """How much of the CT is converted: all of it, or what the PET covers too."""

    CT = "ct"
    COMMON = "common"


@dataclass(frozen=True)
class Options(StudySetOptions):
    """How to convert.

    Attributes
    ----------
    region : Region
        What becomes the label: the primary tumour, the nodes, or both.
    field : Field
        common: the part of the CT that the PET covers too; ct: all of it, of which the PET has to cover most.
    without_tumour : WithoutTumour
        Patients without such a region: keep them as background, leave them out, or refuse them.
    tumour_slices : bool
        Cut each case to the slices from the first to the last with such a region.
    """

    dataset_id: Annotated[int, Option("N")] = 704
    name: str = "HECKTOR"
    roi: Annotated[Roi, Option(hidden=True)] = Roi.GTV
    region: Annotated[Region, Option(flag="roi")] = Region.BOTH
    field: Field = Field.COMMON
    without_tumour: WithoutTumour = WithoutTumour.KEEP
    tumour_slices: bool = False
