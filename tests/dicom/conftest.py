"""A writer of DICOM series into the test's own folder, and a CT with a mask to export."""

from functools import partial

import pytest
import SimpleITK as sitk

from tests.dicom.ct_series import write_ct
from tests.dicom.export_study import GRID, mask_on
from tests.dicom.writer import write_series


@pytest.fixture
def write(tmp_path):
    return partial(write_series, tmp_path)


@pytest.fixture
def study(tmp_path):
    """A folder with a CT and a mask on its grid."""
    write_ct(tmp_path / "ct", GRID)
    sitk.WriteImage(mask_on(GRID), tmp_path / "mask.nii.gz")
    return tmp_path
