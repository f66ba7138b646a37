"""Options of any study set: the region that becomes the label, how intensities are stored, and what to do."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from nnunet_cipa.dataset_conversion.pipeline.channels import RAW_CHANNELS, READY_CHANNELS
from nnunet_cipa.dataset_conversion.pipeline.options import ConversionOptions
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.options import Option

# What scanners write outside the field of view (-3024, -2000) is not darker than air.
LOWEST_HU = -1024.0
# Masks of organs that a study set may have beside the tumour.
ORGANS = ("HEART",)
Window = tuple[float, float]


class Roi(str, Enum):
    """Which mask is the truth: the tumour over the breathing cycle, or at the CT's phase."""

    IGTV = "IGTV"
    GTV = "GTV"


class Intensity(str, Enum):
    """How values are stored.

    ``window``: clipped to a window and scaled to 0..3.2, to which CIPA adds -1.6. ``raw``: HU and SUV, for nnU-Net
    to normalise.
    """

    WINDOW = "window"
    RAW = "raw"

    @property
    def channels(self) -> dict[str, dict[str, Any]]:
        """What dataset.json says of the channels: nnU-Net chooses the normalisation by their names."""
        return READY_CHANNELS if self is Intensity.WINDOW else RAW_CHANNELS


class WithoutTumour(str, Enum):
    """What becomes of cases without tumour: an error, kept as background, or left out."""

    REFUSE = "refuse"
    KEEP = "keep"
    LEAVE_OUT = "leave-out"


@dataclass(frozen=True)
class Storage:
    """How intensities are stored.

    Attributes
    ----------
    intensity : Intensity
        window: clipped and scaled to 0..3.2 as in convert pclt20k, not normalised again; raw: HU and SUV, which
        nnU-Net normalises.
    hu_window : (float, float)
        HU of the CT that are kept, for window; the default is that of PCLT20K.
    suv_range : (float, float)
        SUV of the PET that are kept, for window; no paper publishes its own.
    """

    intensity: Intensity = Intensity.WINDOW
    hu_window: Annotated[Window, Option(("LOW", "HIGH"))] = (-1200.0, -200.0)
    suv_range: Annotated[Window, Option(("LOW", "HIGH"))] = (0.0, 20.0)

    def facts(self) -> dict[str, object]:
        """Return what dataset.json and the provenance say of it."""
        window = self.intensity is Intensity.WINDOW
        return {
            "intensity": self.intensity.value,
            "lowest_hu": LOWEST_HU,
            "hu_window": self.hu_window if window else None,
            "suv_range": self.suv_range if window else None,
        }


@dataclass(frozen=True)
class StudySetOptions(ConversionOptions):
    """How to convert a study set.

    Attributes
    ----------
    roi : Roi
        The mask that becomes the label.
    keep_going : bool
        Convert the other patients if some cannot be; the exit status is 1.
    organs : tuple of str
        Masks of organs that are written beside the label, to organsTr and organsTs; none for data sets without any.
    storage : Storage
        How intensities are stored.
    crop : bool
        Cut the cases to the patient's outline in the axial plane; all slices and all of the tumour stay.
    test_fraction : float or None
        Part of the patients to hold out, 0 to 0.5, drawn by the seed.
    without_tumour : WithoutTumour
        Keep cases without tumour as background, leave them out, or refuse them.
    highest_suv : float
        A PET with more is taken to be in other units, and refused.
    least_pet_cover : float
        Part of the body on the CT, 0 to 1, that a PET has to cover, after the crop; the tumour always has to be.
    no_labels : bool
        Write CT and PET alone, to imagesTs, of patients who are to be predicted; contours are not looked at.
    """

    roi: Annotated[Roi, Option(hidden=True)] = Roi.IGTV
    keep_going: bool = False
    organs: Annotated[tuple[str, ...], Option(hidden=True)] = ()
    storage: Storage = field(default_factory=Storage)
    crop: bool = False
    test_fraction: Annotated[float | None, Option("F", default="those in SOURCE/test.txt, or none")] = None
    without_tumour: Annotated[WithoutTumour, Option(hidden=True)] = WithoutTumour.REFUSE
    highest_suv: Annotated[float, Option("SUV")] = 200.0
    least_pet_cover: Annotated[float, Option("F")] = 0.9
    no_labels: Annotated[bool, Option(hidden=True)] = False

    @property
    def label(self) -> Roi | None:
        """The mask that becomes the label, or None for no labels."""
        return None if self.no_labels else self.roi


@dataclass(frozen=True)
class DicomOptions(StudySetOptions):
    """How to convert a study set that is, or may be, in DICOM.

    Attributes
    ----------
    series : tuple of str
        In DICOM, series to take where a patient has several that could be meant.
    structure_sets : tuple of str
        In DICOM, which RTSTRUCT or SEG counts where a patient has several with the region: by UID, label, date
        (YYYYMMDD), or the words approved, latest, ct or pet (drawn on it), rtstruct, seg.
    missing_slices : MissingSlices
        In DICOM, what to do where slices were left out when the region was drawn, between contours of one lesion:
        refuse; interpolate between the shapes; accept the region as it is.
    key_table : Path or None
        In DICOM, write the table that tells which patient a case is to this CSV file, outside of nnUNet_raw.
    suv : SuvOptions
        What counts where the headers of a PET do not tell SUV, or tell it wrong.
    """

    series: Annotated[tuple[str, ...], Option("UID")] = ()
    structure_sets: Annotated[tuple[str, ...], Option("WHICH", flag="structure-set")] = ()
    missing_slices: MissingSlices = MissingSlices.REFUSE
    key_table: Annotated[Path | None, Option("FILE")] = None
    suv: SuvOptions = field(default_factory=SuvOptions)
