"""``nnunet_cipa.dicom.read_suv``: a folder's PET in SUV and what it was made by."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom import read_suv
from nnunet_cipa.errors import CIPAError


@pytest.fixture
def folder(write, tmp_path):
    write()
    (tmp_path / "dicom" / "notes.txt").write_text("nothing of ours")
    return tmp_path


def test_the_pet_beside_a_ct(folder, write):
    written = write("PT", folder="pet", PatientWeight=80)
    image, made_by = read_suv(str(folder))
    # An hour after 350 MBq of fluorine-18 in 80 kg
    expected = written.stored.astype(float) * 80_000 / (350e6 * 0.5 ** (3600 / 6586.2))
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), expected, rtol=1e-6)
    assert (image.GetSpacing(), image.GetOrigin()) == ((1.5, 2.0, 3.0), (-10.0, -20.0, -30.0))
    assert (made_by["PatientWeight"], made_by["elapsed_s"], made_by["notes"]) == (80, 3600, ())
    assert "PAT7" not in json.dumps(made_by)


def test_one_of_several(folder, write):
    for number, uid in enumerate(("1.2.3.7", "1.2.3.8"), 1):
        write("PT", folder=f"pet{number}", series_uid=uid, slope=float(number))
    with pytest.raises(CIPAError, match=r"2 PET series.*1\.2\.3\.7.*1\.2\.3\.8"):
        read_suv(folder)
    one, two = (sitk.GetArrayFromImage(read_suv(folder, uid)[0]) for uid in ("1.2.3.7", "1.2.3.8"))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


def test_with_an_override(folder, write):
    write("PT", folder="pet", PatientWeight=None)
    with pytest.raises(CIPAError, match="PatientWeight is missing"):
        read_suv(folder)
    (folder / "known.csv").write_text("patient_id,weight_kg\nPAT7,80\n")
    _, made_by = read_suv(folder, suv_override=folder / "known.csv")
    assert made_by["override"] == {"weight_kg": {"header": None, "given": 80}}
    (folder / "known.csv").write_text("patient_id,weight_kg\nPAT8,80\n")
    with pytest.raises(CIPAError, match="has no row of patient 'PAT7'"):
        read_suv(folder, suv_override=str(folder / "known.csv"))


def test_late_scans_are_believed_on_demand(folder, write):
    write("PT", folder="pet", SeriesTime="133000", AcquisitionTime="133000")
    with pytest.raises(CIPAError, match=r"more than 3\.7 h"):
        read_suv(folder)
    assert read_suv(folder, most_half_lives=3)[1]["elapsed_s"] == 4 * 3600


def test_without_a_pet(folder):
    with pytest.raises(CIPAError, match="no PET series that can be used; there is: none"):
        read_suv(folder)
    with pytest.raises(CIPAError, match="not a folder"):
        read_suv(folder / "elsewhere")


def test_a_damaged_file_may_be_a_slice(folder, write):
    written = write("PT", folder="pet")
    written.paths[0].write_bytes(written.paths[0].read_bytes()[:200])
    with pytest.raises(CIPAError, match=r"PT_000\.dcm"):
        read_suv(folder)
