"""The options of the phantoms."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from nnunet_cipa.options import Option
from nnunet_cipa.processes.cores import default_processes

# In mm: from one slice to the next in a whole scan, and what the slices of a scan span if their distance is not given.
SLICE_DISTANCE = 2.8
SPAN = 64 * SLICE_DISTANCE


class Form(str, Enum):
    """In which files a study set is written: as a hospital exports it, or in the NIfTI layout of ``convert lucid``."""

    DICOM = "dicom"
    NIFTI = "nifti"


@dataclass(frozen=True)
class PhantomOptions:
    """What a phantom in the layout of PCLT20K is made of.

    Attributes
    ----------
    patients : int
        Patients, at least 2: a fifth of them, rounded and not less than one, goes to test.txt.
    seed : int
        Seed; the same gives the same bytes, and a patient does not depend on how many there are.
    size : int
        Rows and columns of a slice over a field of view of 502 mm.
    slices : int
        About how many slices per patient; fewer are fewer samples of the same anatomy, farther apart.
    processes : int
        Processes in which patients are made; the result does not depend on their number.
    """

    patients: Annotated[int, Option("N")] = 10
    seed: Annotated[int, Option("N")] = 0
    size: Annotated[int, Option("N")] = 512
    slices: Annotated[int, Option("N")] = 36
    processes: Annotated[int, Option("N", default="the CPU cores, at most 8")] = field(
        default_factory=default_processes
    )


@dataclass(frozen=True)
class LucidPhantomOptions(PhantomOptions):
    """What a phantom for ``convert lucid`` is made of.

    Attributes
    ----------
    slices : int
        Slices of the CT per patient.
    slice_distance : float or None
        Distance of the slices in mm, 1 to 12; nnU-Net takes the axis of the largest spacing as the one across
        slices, so give more than the width of a pixel, 502 mm over the size. Where the slices span less than
        the default, tumours that would not fit are not drawn.
    form : Form
        dicom: CT, PET in Bq/ml and RTSTRUCT; nifti: CT in HU, PET in SUV and masks.
    """

    slices: Annotated[int, Option("N")] = 64
    slice_distance: Annotated[float | None, Option("MM", default=f"{SPAN:.0f} mm over the number of slices")] = None
    form: Annotated[Form, Option(flag="format")] = Form.DICOM
