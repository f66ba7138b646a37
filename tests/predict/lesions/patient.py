"""A predicted patient: lesions that are boxes of constant uptake, on a CT and a PET in DICOM."""

from types import SimpleNamespace

import numpy as np
import SimpleITK as sitk
from pydicom.uid import PositronEmissionTomographyImageStorage

from nnunet_cipa.dicom.derived import Origin
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.sr.groups import Subject
from tests.dicom.ct_series import SERIES, write_ct
from tests.dicom.geometry import make_grid

SPACING = (2.0, 2.0, 3.0)
CT = make_grid((40, 32, 24), SPACING)
PET_SERIES = SERIES + ".5"
BOXES = {1: (slice(3, 7), slice(6, 12), slice(5, 15)), 2: (slice(15, 19), slice(20, 24), slice(28, 32))}
SUV = {1: 6.5, 2: 3.25}
ORIGIN = Origin(
    label="nnunet_cipa IGTV",
    series_description="nnunet_cipa prediction: IGTV",
    versions=("trainer__plans__2d", "fold_0 checkpoint_final.pth 0123456789abcdef"),
    model_name="trainer__plans__2d",
    model_version="0" * 63 + "a",
)


def on(grid, values):
    made = sitk.GetImageFromArray(values)
    made.CopyInformation(grid)
    return made


def predicted(values, labels=None, pet=None):
    """What is asked of a predicted patient; the PET is on the CT's grid, with the lesions' uptake around them too."""
    suv = np.ones(values.shape, dtype=np.float32)
    for number, (z, y, x) in BOXES.items():
        around = tuple(slice(max(0, part.start - 4), part.stop + 4) for part in (z, y, x))
        suv[around] = SUV[number]
    return SimpleNamespace(
        name="P1", mask=on(CT, values), pet=on(CT, suv) if pet is None else pet, labels=labels or {"IGTV": (1,)}
    )


def boxes(*numbers, label=1):
    values = np.zeros(CT.GetSize()[::-1], dtype=np.uint8)
    for number in numbers:
        values[BOXES[number]] = label
    return values


def volume(number):
    """In ml."""
    return np.prod([part.stop - part.start for part in BOXES[number]]) * np.prod(SPACING) / 1000


def diameter(number):
    """In mm: from corner voxel to corner voxel, and half a voxel at either end along the axis where it counts most."""
    steps = np.array(SPACING[::-1])
    between = np.array([part.stop - part.start - 1 for part in BOXES[number]]) * steps
    return max(np.linalg.norm(between + steps * np.eye(3)[axis]) for axis in range(3))


def write_study(folder, edit=None):
    """Write CT and PET; return what was measured and what says so."""
    write_ct(folder / "study", CT, edit=edit)

    def to_pet(piece, k):
        if edit is not None:
            edit(piece, k)
        piece.Modality, piece.SOPClassUID = "PT", PositronEmissionTomographyImageStorage

    write_ct(folder / "study", make_grid((20, 16, 18), (4.0, 4.0, 4.0)), PET_SERIES, to_pet)
    series = [build_series(one, grid_only=True) for one in group_series(scan_folder(folder / "study").images)]
    return Subject(*sorted(series, key=lambda one: one.modality), ORIGIN)
