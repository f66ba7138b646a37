"""The options of an export to DICOM."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dicom.roi_kinds import CHOICES
from nnunet_cipa.options import Option


@dataclass(frozen=True)
class RoiOptions:
    """Which labels of a mask become ROIs, and how they look; the first name, kind and colour is the first label's.

    Attributes
    ----------
    label : tuple of int
        Value in the mask that is an ROI; give it again for another.
    roi_name : tuple of str
        Name of the ROI, at most 64 characters; give it again for the next label.
    roi_type : tuple of str
        What the ROI is, for RTROIInterpretedType and its code; give it again for the next label.
    colour : tuple of str
        Red, green and blue as six hexadecimal digits; give it again for the next label.
    """

    label: Annotated[tuple[int, ...], Option("N", repeated=True, default="all of dataset.json, else 1")] = ()
    roi_name: Annotated[
        tuple[str, ...], Option("NAME", repeated=True, default="LABEL_nnunet_cipa, or nnunet_cipa without dataset.json")
    ] = ()
    roi_type: Annotated[tuple[str, ...], Option("TYPE", repeated=True, choices=lambda: CHOICES, default="by name")] = ()
    colour: Annotated[tuple[str, ...], Option("RRGGBB", repeated=True, default="red for the first")] = ()


@dataclass(frozen=True)
class ModelOptions:
    """Which model made the mask, to be named in what is written.

    Attributes
    ----------
    model : Path or None
        Trained model's folder, TRAINER__PLANS__CONFIGURATION, that made the mask.
    folds : tuple of str
        Its folds that predicted.
    checkpoint : str
        File of the weights in each fold.
    """

    model: Annotated[Path | None, Option("FOLDER")] = None
    folds: Annotated[tuple[str, ...], Option("FOLD", default="all that it has")] = ()
    checkpoint: Annotated[str, Option("FILE")] = "checkpoint_final.pth"


@dataclass(frozen=True)
class ExportOptions:
    """How a mask is exported.

    Attributes
    ----------
    key_table : Path or None
        Table that convert wrote: it tells which CT a case belongs to.
    provenance : Path or None
        Folder of the provenance that convert wrote: its hashes tell which CT a case belongs to.
    segmentation : bool
        Write a DICOM SEG too (needs highdicom).
    series_uid : str or None
        SeriesInstanceUID of the CT, if the folder holds several.
    structure_set_label : str
        StructureSetLabel, at most 16 characters.
    description : str
        SeriesDescription, at most 64 characters.
    overwrite : bool
        Replace existing files.
    """

    key_table: Annotated[Path | None, Option("FILE")] = None
    provenance: Annotated[Path | None, Option("FOLDER")] = None
    segmentation: Annotated[bool, Option(flag="seg")] = False
    series_uid: Annotated[str | None, Option("UID", flag="series")] = None
    structure_set_label: Annotated[str, Option("TEXT", default="nnunet_cipa and the regions")] = ""
    description: Annotated[str, Option("TEXT", default="nnunet_cipa prediction: and the regions")] = ""
    overwrite: bool = False
    roi: RoiOptions = field(default_factory=RoiOptions)
    made_by: ModelOptions = field(default_factory=ModelOptions)
