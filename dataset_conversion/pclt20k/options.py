"""The options of a conversion of PCLT20K."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from nnunet_cipa.dataset_conversion.pipeline.channels import RAW_CHANNELS, READY_CHANNELS
from nnunet_cipa.dataset_conversion.pipeline.options import ConversionOptions
from nnunet_cipa.options import Option


class Intensity(str, Enum):
    """How grey values are stored.

    ``paper``: v / 255 * 3.2, to which CIPA adds -1.6. ``raw``: as in the PNG, for nnU-Net to normalise.
    """

    PAPER = "paper"
    RAW = "raw"

    @property
    def channels(self) -> dict[str, dict[str, Any]]:
        """What dataset.json says of the channels: nnU-Net chooses the normalisation by their names."""
        return READY_CHANNELS if self is Intensity.PAPER else RAW_CHANNELS


@dataclass(frozen=True)
class Options(ConversionOptions):
    """How to convert.

    Attributes
    ----------
    spacing : (float, float, float)
        Assumed voxel size in mm, as PCLT20K does not give it; the default is the paper's CT.
    intensity : Intensity
        paper: v / 255 * 3.2, to which the network adds -1.6, not normalised again; raw: grey values, which nnU-Net
        normalises.
    split_at_gaps : bool
        Cut a patient where slices seem to be missing into several cases, which stay in one fold.
    """

    dataset_id: Annotated[int, Option("N")] = 701
    name: str = "PCLT20K"
    spacing: Annotated[tuple[float, float, float], Option(("X", "Y", "Z"))] = (0.98, 0.98, 2.8)
    intensity: Intensity = Intensity.PAPER
    split_at_gaps: bool = False
