"""The IBSI's digital reference objects for SUV: 0.20 at least, 1.00 in the median and 4.00 at most in the mask."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet

FOLDER = Path(__file__).parents[3] / "shared/data/ibsi_suv"
OBJECTS = {
    "DRO_2_1": "lean body mass after James",
    "DRO_2_2": "ideal body weight, PatientSex O",
    "DRO_2_4": "counts with Philips' factor to SUV, without its creator",
    "DRO_3_4": "no correction for decay, two acquisition times",
}


@pytest.mark.parametrize("name", OBJECTS)
def test_suv_by_body_weight(name, tmp_path):
    archive = FOLDER / f"{name}.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the IBSI's reference objects are not beside the repository ({archive})")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    (pet,) = group_series(scan_folder(tmp_path).images)
    values = sitk.GetArrayFromImage(read_pet(build_series(pet)).image)
    inside = values[sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "mask/DRO_mask.nii.gz"))) > 0]
    found = [inside.min(), np.median(inside), inside.max()]
    assert found == pytest.approx([0.20, 1.00, 4.00], rel=0.005)
