"""A mask and the grid of its CT, as ``export-dicom`` takes them."""

import numpy as np
import SimpleITK as sitk

from tests.dicom.ct_series import SERIES
from tests.dicom.geometry import make_grid

GRID = make_grid((16, 14, 5), (1.0, 1.5, 3.0))
OTHER = SERIES + ".8"


def mask_on(grid, label=1, dtype=np.uint8):
    values = np.zeros(grid.GetSize()[::-1], dtype=dtype)
    values[1:3, 4:9, 5:10] = label
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    return image


def write_damaged(study):
    path = study / "mask.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
