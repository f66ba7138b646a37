"""Options of predicting new patients."""

from dataclasses import dataclass, field
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Window
from nnunet_cipa.dicom.export.options import RoiOptions
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.options import Option


@dataclass(frozen=True)
class UseOptions:
    """How the model predicts.

    Attributes
    ----------
    folds : tuple of str
        Folds of the model, numbers or all, that predict together.
    checkpoint : str
        File of the weights in each fold.
    device : str
        Type of the device, such as cpu or cuda.
    disable_tta : bool
        Do not predict mirrored images too: as many times faster as there are mirror images, and a little worse.
    """

    folds: Annotated[tuple[str, ...], Option("FOLD", default="all that it has")] = ()
    checkpoint: Annotated[str, Option("FILE")] = "checkpoint_final.pth"
    device: str = "cpu"
    disable_tta: bool = False


@dataclass(frozen=True)
class IntensityOptions:
    """How the model wants its intensities, where its dataset.json does not say.

    Attributes
    ----------
    intensity : Intensity or None
        window: clipped and scaled; raw: HU and SUV, for nnU-Net to normalise.
    hu_window : (float, float) or None
        HU of the CT that are kept, for window.
    suv_range : (float, float) or None
        SUV of the PET that are kept, for window.
    """

    intensity: Annotated[Intensity | None, Option(default="as dataset.json says")] = None
    hu_window: Annotated[Window | None, Option(("LOW", "HIGH"), default="as dataset.json says")] = None
    suv_range: Annotated[Window | None, Option(("LOW", "HIGH"), default="as dataset.json says")] = None


@dataclass(frozen=True)
class PredictOptions:
    """How patients are predicted.

    Attributes
    ----------
    series : tuple of str
        Series to take where a patient has several CT or PET that could be meant.
    seg : bool
        Write the mask as DICOM SEG too (needs highdicom).
    overwrite : bool
        Replace what an earlier run wrote of other inputs or by another model.
    highest_suv : float
        A PET with more is taken to be in other units, and refused.
    least_pet_cover : float
        Part of the body on the CT, 0 to 1, that a PET has to cover.
    """

    series: Annotated[tuple[str, ...], Option("UID")] = ()
    seg: bool = False
    overwrite: bool = False
    highest_suv: Annotated[float, Option("SUV")] = 200.0
    least_pet_cover: Annotated[float, Option("F")] = 0.9
    use: UseOptions = field(default_factory=UseOptions)
    roi: RoiOptions = field(default_factory=RoiOptions)
    suv: SuvOptions = field(default_factory=SuvOptions)
    intensities: IntensityOptions = field(default_factory=IntensityOptions)
