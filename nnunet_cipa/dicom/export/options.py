"""The options of an export to DICOM."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class ExportOptions:
    """How a mask is exported.

    Attributes
    ----------
    segmentation : bool
        Write a DICOM SEG too (needs highdicom).
    roi_name : str
        Name of the ROI, at most 64 characters.
    label : int
        Value in the mask that is the ROI.
    series_uid : str or None
        SeriesInstanceUID of the CT, if the folder holds several.
    overwrite : bool
        Replace existing files.
    """

    segmentation: Annotated[bool, Option(flag="seg")] = False
    roi_name: Annotated[str, Option("NAME")] = "nnunet_cipa"
    label: Annotated[int, Option("N")] = 1
    series_uid: Annotated[str | None, Option("UID", flag="series")] = None
    overwrite: bool = False
