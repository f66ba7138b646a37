"""Masks of organs beside the tumour: the phantom's heart, and what ``convert lucid --organs`` does with it."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.anatomy import heart_centre
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study
from nnunet_cipa.dataset_conversion.phantoms.patient import draw_patient
from nnunet_cipa.errors import CIPAError

HEART = {"processes": 1, "organs": ("HEART",)}


@pytest.fixture
def with_heart(lucid):
    """The study set with a heart for every patient; the first one's is empty, out of the scan."""
    for number in range(1, 7):
        heart = np.zeros(lucid.ct_shape, dtype=np.uint8)
        heart[2:9, 3 : 3 + number, 1:7] = number > 1
        lucid.write(f"P{number:02d}", "HEART", heart)
    (lucid.root / "test.txt").write_text("P03\n")
    return lucid


def values(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_phantom_has_the_heart_where_it_was_drawn_and_no_tumour_in_it():
    """Seed 3, patients whose scan holds the centre of the heart: an ellipsoid with an atrium, mostly of soft tissue."""
    seen = 0
    for index in range(5):
        study, thorax = image_study(3, index, 64, 50), draw_patient(3, index).thorax
        assert study.heart.dtype == np.uint8
        assert study.heart.shape == study.ct.shape
        assert not np.any(study.heart & study.gtv)
        z, y, x = np.rint(np.subtract(heart_centre(thorax), study.grid.origin) / study.grid.spacing).astype(int)
        if 0 <= z < 50:
            seen += 1
            assert study.heart[z, y, x] == 1
            assert abs(np.median(study.ct[study.heart > 0]) - 45) < 5
            # along x, the widest the ellipsoid with its axis turned by 35 degrees can be, and the atrium
            assert np.ptp(np.flatnonzero(study.heart[z, y])) * study.grid.spacing[2] < 2 * thorax.heart[2] + 20
    assert seen >= 2


def test_without_the_option_hearts_are_left_alone(with_heart, raw, left_in):
    folder = convert_lucid(with_heart.root, Options(processes=1)).folder
    assert "organsTr" not in left_in(folder)
    assert "HEART" not in json.loads((folder / "provenance" / "P02.json").read_text())["sha256"]


def test_hearts_are_written_beside_the_labels_on_the_same_grid(with_heart, raw, left_in):
    flip = np.diag([-1.0, 1, -1, 1])
    flip[[0, 2], 3] = with_heart.ct_shape[0] - 1, with_heart.ct_shape[2] - 1
    for kind in ("CT", "IGTV", "HEART"):
        flipped = np.ascontiguousarray(with_heart.arrays["P02", kind][::-1, :, ::-1])
        with_heart.write("P02", kind, flipped, with_heart.ct_affine @ flip)
    argv = ["convert", "lucid", str(with_heart.root), "--processes", "1", "--organs", "HEART", "HEART"]
    assert main(argv) == 0
    folder = raw / "Dataset702_LUCID"
    assert left_in(folder / "organsTs") == ["P03_HEART.nii.gz"]
    assert left_in(folder / "organsTr") == [f"P{number:02d}_HEART.nii.gz" for number in (1, 2, 4, 5, 6)]
    found = values(folder / "organsTr" / "P02_HEART.nii.gz")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, with_heart.arrays["P02", "HEART"][::-1, :, ::-1].T)
    assert not values(folder / "organsTr" / "P01_HEART.nii.gz").any()
    organ, label = (sitk.ReadImage(str(folder / name)) for name in ("organsTr/P02_HEART.nii.gz", "labelsTr/P02.nii.gz"))
    assert organ.GetOrigin() == label.GetOrigin()
    assert organ.GetSpacing() == label.GetSpacing()
    assert json.loads((folder / "provenance" / "P02.json").read_text())["organs"] == ["HEART"]


def absent(study):
    study.path("P04", "HEART").unlink()


def grey(study):
    study.write("P04", "HEART", 7 * study.arrays["P04", "HEART"])


def elsewhere(study):
    affine = study.ct_affine.copy()
    affine[2, 3] += 3
    study.write("P04", "HEART", study.arrays["P04", "HEART"], affine)


@pytest.mark.parametrize(
    ("fault", "message"),
    [(absent, "missing; add it"), (grey, r"values \[0, 7\], but a mask"), (elsewhere, "is not the grid of the CT")],
)
def test_faulty_hearts_are_refused(with_heart, raw, left_in, fault, message):
    fault(with_heart)
    with pytest.raises(CIPAError, match=rf"P04.HEART\.nii\.gz: .*{message}"):
        convert_lucid(with_heart.root, Options(**HEART))
    assert left_in(raw) == []
