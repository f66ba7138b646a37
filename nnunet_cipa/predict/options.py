"""Options of predicting new patients."""

from dataclasses import dataclass, field
from typing import Annotated

from nnunet_cipa.dicom.export.options import RoiOptions
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.options import Option
from nnunet_cipa.predict.certainty.options import CertaintyOptions
from nnunet_cipa.predict.model.options import IntensityOptions, UseOptions
from nnunet_cipa.predict.page.options import PageOptions


@dataclass(frozen=True)
class PredictOptions:
    """How patients are predicted.

    Attributes
    ----------
    series : tuple of str
        Series to take where a patient has several CT or PET that could be meant.
    seg : bool
        Write the mask as DICOM SEG too (needs highdicom).
    sr : bool
        Write the measures of the lesions as DICOM SR too, with a SEG of them (needs highdicom).
    overwrite : bool
        Replace what an earlier run wrote of other inputs or by another model.
    highest_suv : float
        A PET with more is taken to be in other units, and refused.
    least_pet_cover : float
        Part of the body on the CT, 0 to 1, that a PET has to cover.
    """

    series: Annotated[tuple[str, ...], Option("UID")] = ()
    seg: bool = False
    sr: bool = False
    overwrite: bool = False
    highest_suv: Annotated[float, Option("SUV")] = 200.0
    least_pet_cover: Annotated[float, Option("F")] = 0.9
    use: UseOptions = field(default_factory=UseOptions)
    certainty: CertaintyOptions = field(default_factory=CertaintyOptions)
    page: PageOptions = field(default_factory=PageOptions)
    roi: RoiOptions = field(default_factory=RoiOptions)
    suv: SuvOptions = field(default_factory=SuvOptions)
    intensities: IntensityOptions = field(default_factory=IntensityOptions)
