"""What ``convert lucid`` writes, against closed forms and the arrays that nibabel has written."""

import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Roi, Storage
from nnunet_cipa.errors import CIPAError

ONE = {"processes": 1}
RAW = Storage(Intensity.RAW)


def read(path):
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), image


def converted(study, kind, case="P02", **options):
    """The written image of one case, in the order z, y, x, and its geometry."""
    folder = convert_lucid(study.root, Options(**{**ONE, **options})).folder
    names = {"CT": f"imagesTr/{case}_0000", "PET": f"imagesTr/{case}_0001", "mask": f"labelsTr/{case}"}
    return read(folder / f"{names[kind]}.nii.gz")


def centres(affine, shape):
    """Coordinates of the voxel centres in mm (RAS), x, y, z last."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def ramp(points):
    return 2 + points @ (0.02, -0.03, 0.01)


def test_a_linear_ramp_in_the_pet_is_the_same_ramp_on_the_grid_of_the_ct(lucid, raw):
    lucid.write("P02", "PET", ramp(centres(lucid.pet_affine, lucid.pet_shape)).astype(np.float32))
    values, image = converted(lucid, "PET", storage=RAW)
    np.testing.assert_allclose(values, ramp(centres(lucid.ct_affine, lucid.ct_shape)).T, atol=2e-6)
    np.testing.assert_allclose(image.GetSpacing(), (2, 2.5, 3), rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), (-20, -30, -100), rtol=1e-6)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)


def test_known_hu_become_known_values(lucid, raw):
    ct = lucid.arrays["P02", "CT"].copy()
    ct[:6, 0, 0] = (-3024, -1000, -700, -450, -200, 900)
    lucid.write("P02", "CT", ct)
    values, _ = converted(lucid, "CT")
    assert values.dtype == np.float32
    # (HU + 1200) / 1000 * 3.2; the padding of -3024 counts as -1024
    np.testing.assert_allclose(values[0, 0, :6], (0.5632, 0.64, 1.6, 2.4, 3.2, 3.2), atol=1e-6)
    grey = np.array([0, 51, 255])
    np.testing.assert_allclose(grey / 255 * 3.2, (0, 0.64, 3.2))  # PCLT20K's, -1000 HU is 51


@pytest.mark.parametrize(("suv", "value"), [(-0.5, 0), (0, 0), (5, 0.8), (7.03125, 1.125), (20, 3.2), (80, 3.2)])
def test_known_suv_become_known_values(lucid, raw, suv, value):
    pet = np.full(lucid.pet_shape, suv, dtype=np.float32)
    pet[-1, -1, -1] = 1.0
    lucid.write("P02", "PET", pet)
    values, _ = converted(lucid, "PET")
    # CT voxel (0, 0, 0) lies far from the PET's last voxel
    assert values[0, 0, 0] == pytest.approx(value, abs=1e-6)


def test_windows_are_options(lucid, raw):
    storage = Storage(hu_window=(-1000.0, 1000.0), suv_range=(0.0, 10.0))
    values, _ = converted(lucid, "CT", storage=storage)
    np.testing.assert_allclose(values, (lucid.arrays["P02", "CT"].T + 1000) / 1000 * 1.6, atol=1e-6)
    content = json.loads((raw / "Dataset702_LUCID" / "dataset.json").read_text())
    assert (content["hu_window"], content["suv_range"]) == ([-1000, 1000], [0, 10])
    assert content["intensity_offset"] == {"0": -1.6, "1": -1.6}
    assert content["intensity_range"] == {"0": [0, 3.2], "1": [0, 3.2]}


def test_raw_keeps_hu_and_leaves_the_normalisation_to_nnunet(lucid, raw):
    ct = lucid.arrays["P02", "CT"].copy()
    ct[0, 0, 0] = -3024
    lucid.write("P02", "CT", ct)
    values, _ = converted(lucid, "CT", storage=RAW)
    np.testing.assert_array_equal(values, np.where(ct == -3024, -1024, ct).T)
    content = json.loads((raw / "Dataset702_LUCID" / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "CT", "1": "PET"}
    assert content["hu_window"] is None
    assert not content.keys() & {"intensity_offset", "intensity_range"}


def test_scaled_integers_are_read_in_their_unit(lucid, raw):
    stored = np.round(lucid.arrays["P02", "PET"] * 100).astype(np.int16)
    lucid.write("P02", "PET", stored, edit=lambda image: image.header.set_slope_inter(0.01, 0.25))
    np.testing.assert_allclose(nib.load(lucid.path("P02", "PET")).get_fdata(), stored * 0.01 + 0.25, atol=1e-6)
    scaled, _ = converted(lucid, "PET", storage=RAW)
    lucid.write("P02", "PET", stored * 0.01 + 0.25)
    plain, _ = converted(lucid, "PET", storage=RAW, overwrite=True)
    np.testing.assert_allclose(scaled, plain, atol=1e-5)


@pytest.mark.parametrize("roi", list(Roi))
def test_roi_is_the_mask_of_that_name(lucid, raw, roi):
    values, _ = converted(lucid, "mask", roi=roi)
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, lucid.arrays["P02", roi.value].T)
    content = json.loads((raw / "Dataset702_LUCID" / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, roi.value: 1}


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_flipped_storage_gives_the_same_case(lucid, raw, axes):
    expected = {kind: converted(lucid, kind, overwrite=True)[0] for kind in ("CT", "PET", "mask")}
    flip = np.eye(4)
    for axis in axes:
        flip[axis, axis], flip[axis, 3] = -1, lucid.ct_shape[axis] - 1
    for kind in ("CT", "IGTV"):
        flipped = np.ascontiguousarray(np.flip(lucid.arrays["P02", kind], axes))
        lucid.write("P02", kind, flipped, lucid.ct_affine @ flip)
    for kind, values in expected.items():
        found, image = converted(lucid, kind, overwrite=True)
        np.testing.assert_allclose(found, values, atol=1e-6)
        np.testing.assert_allclose(image.GetOrigin(), (-20, -30, -100), rtol=1e-6)
    content = json.loads((raw / "Dataset702_LUCID" / "provenance" / "P02.json").read_text())
    letters = [("L", "R"), ("P", "A"), ("S", "I")]
    assert content["orientation"] == "".join(pair[axis in axes] for axis, pair in enumerate(letters))


def test_nnunet_accepts_the_dataset(lucid, raw, capsys):
    folder = convert_lucid(lucid.root, Options(**ONE)).folder
    verify_dataset_integrity(str(folder), num_processes=1)
    assert "Done" in capsys.readouterr().out
    content = json.loads((folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "noNorm", "1": "noNorm"}
    assert content["modalities"] == {"0": "CT", "1": "PET"}
    assert content["units"] == {"CT": "HU", "PET": "SUVbw"}
    assert (content["numTraining"], content["intensity"], content["synthetic"]) == (6, "window", None)


def test_provenance_names_hashes_and_measures(lucid, raw):
    folder = convert_lucid(lucid.root, Options(**ONE)).folder
    content = json.loads((folder / "provenance" / "P02.json").read_text())
    for kind, digest in content["sha256"].items():
        assert digest == hashlib.sha256(lucid.path("P02", kind).read_bytes()).hexdigest()
    assert set(content["sha256"]) == {"CT", "PET", "IGTV"}
    assert content["tumour_ml"] == pytest.approx(5 * 6 * 4 * 2 * 2.5 * 3 / 1000)
    assert content["tumour_slices"] == 4
    assert (content["size"], content["pet_size"]) == ([20, 24, 8], [14, 20, 9])
    np.testing.assert_allclose(content["spacing_mm"], (2, 2.5, 3))
    ct = lucid.arrays["P02", "CT"]
    assert content["hu"] == [ct.min(), ct.max()]
    assert (content["hu_window"], content["suv_range"], content["lowest_hu"]) == ([-1200, -200], [0, 20], -1024)
    assert content["pet_cover"] == 1


def test_folds_are_by_patient_and_test_txt_decides_who_is_held_out(lucid, raw, left_in):
    (lucid.root / "test.txt").write_bytes(b"\xef\xbb\xbfP03\r\n\r\n")
    folder = convert_lucid(lucid.root, Options(**ONE)).folder
    assert left_in(folder / "labelsTs") == ["P03.nii.gz"]
    assert left_in(folder / "imagesTs") == ["P03_0000.nii.gz", "P03_0001.nii.gz"]
    train = ["P01", "P02", "P04", "P05", "P06"]
    assert left_in(folder / "labelsTr") == [f"{name}.nii.gz" for name in train]
    splits = json.loads((folder / "splits_final.json").read_text())
    assert sorted(case for fold in splits for case in fold["val"]) == train


def test_test_fraction_draws_by_the_seed(lucid, raw):
    def drawn(seed):
        conversion = convert_lucid(lucid.root, Options(test_fraction=0.1, seed=seed, overwrite=True, **ONE))
        return {case.patient.name for case in conversion.part("test")}

    assert drawn(1) == drawn(1)
    assert all(len(drawn(seed)) == 1 for seed in range(3))
    assert len(set.union(*(drawn(seed) for seed in range(8)))) > 1


def test_several_processes_write_the_same_bytes_as_one(lucid, raw):
    trees = []
    for name, processes in (("A", 1), ("B", 2)):
        options = Options(dataset_id=700 + processes, name=name, processes=processes)
        folder = convert_lucid(lucid.root, options).folder
        trees.append({p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.nii.gz")})
    assert trees[0] == trees[1]
    assert len(trees[0]) == 18


def test_declared_as_synthetic_is_passed_on(lucid, raw):
    facts = {"units": {"CT": "HU", "PET": "SUVbw"}, "synthetic": True}
    (lucid.root / "study.json").write_text(json.dumps(facts))
    folder = convert_lucid(lucid.root, Options(**ONE)).folder
    assert json.loads((folder / "dataset.json").read_text())["synthetic"] is True


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"dataset_id": 0}, "--dataset-id 0"),
        ({"processes": 0}, "--processes 0"),
        ({"seed": -1}, "--seed -1"),
        ({"storage": Storage(hu_window=(-200.0, -1200.0))}, "--hu-window -200 -1200"),
        ({"storage": Storage(hu_window=(-3000.0, -1024.0))}, "above -1024"),
        ({"storage": Storage(suv_range=(-5.0, 0.0))}, "above 0"),
        ({"storage": Storage(suv_range=(0.0, float("inf")))}, "--suv-range 0 inf"),
        ({"storage": Storage(suv_range=(5.0, 5.0))}, "--suv-range 5 5"),
        ({"test_fraction": 0.6}, "--test-fraction 0.6"),
        ({"test_fraction": float("nan")}, "--test-fraction nan"),
    ],
)
def test_options_out_of_range_are_refused(lucid, raw, left_in, options, value):
    with pytest.raises(CIPAError, match=value):
        convert_lucid(lucid.root, Options(**{**ONE, **options}))
    assert left_in(raw) == []
