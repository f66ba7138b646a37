"""docs/development.md, "Add a vendor's SUV rule", followed: one entry is all that it needs."""

import json

import numpy as np
import pytest

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from tests.dicom.writer import write_series
from tests.recipes.package_copy import PackageCopy

READ = """
import json, sys
from pathlib import Path
import SimpleITK as sitk
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
(candidate,) = group_series(scan_folder(Path(sys.argv[1])).images)
image, used, _ = read_pet(build_series(candidate))
print(json.dumps({"values": sitk.GetArrayFromImage(image).tolist(), "used": used}))
"""
# From (0.5, 1, 2) of counts per second to Bq/ml, a slope of 4, and an hour and 50 minutes from 09:30 to 11:20.
TO_BQML, SLOPE, HALF_LIFE_S, ELAPSED_S = (0.5, 1.0, 2.0), 4.0, 6586.2, 6600.0


@pytest.fixture
def series(tmp_path):
    """A PET of Acme: 70 kg, 350 MBq at 09:30; SeriesTime is that of a reconstruction in the evening."""
    late = {"SeriesTime": "201500", "AcquisitionTime": "112300", "Manufacturer": "Acme Imaging", "Units": "PROPCPS"}
    written = write_series(tmp_path, "PT", slices=3, slope=SLOPE, folder="pet", **late)

    def add_private(dataset, factor):
        block = dataset.private_block(0x0099, "ACME PET", create=True)
        block.add_new(0x10, "DS", str(factor))
        block.add_new(0x11, "DT", "20200102112000")

    for index, factor in enumerate(TO_BQML):
        written.rewrite(index, lambda dataset, factor=factor: add_private(dataset, factor))
    return written


def test_a_series_of_the_vendor_comes_out_in_suv(series, tmp_path):
    package = PackageCopy(tmp_path / "package")
    assert package.follow("Add a vendor's SUV rule") == ["nnunet_cipa/dicom/suv/vendors.py"]
    run = package.run("-c", READ, series.folder)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    left = 350e6 * 2 ** (-ELAPSED_S / HALF_LIFE_S)
    bqml = series.stored * SLOPE * np.reshape(TO_BQML, (3, 1, 1))
    np.testing.assert_allclose(found["values"], bqml / (left / 70_000), rtol=1e-6)
    assert found["used"]["(0099,1010)"] == [0.5, 2.0]
    assert found["used"]["reference_from"] == "(0099,1011)"


def test_without_the_entry_it_is_refused(series):
    (candidate,) = group_series(scan_folder(series.folder).images)
    with pytest.raises(CIPAError, match="Units are PROPCPS"):
        read_pet(build_series(candidate))
