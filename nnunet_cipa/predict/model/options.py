"""Options of a trained model: how it predicts, and how it wants intensities."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Window
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
    bf16 : bool
        Multiply matrices in bfloat16 on the CPU, where the processor has it: faster, and a little less exact.
    skip_air : bool
        Take slices that are air in CT and PET for background, without predicting them.
    """

    folds: Annotated[tuple[str, ...], Option("FOLD", default="all that it has")] = ()
    checkpoint: Annotated[str, Option("FILE")] = "checkpoint_final.pth"
    device: str = "cpu"
    disable_tta: bool = False
    bf16: bool = False
    skip_air: bool = False


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
