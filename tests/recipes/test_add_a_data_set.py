"""docs/development.md, "Add a data set", followed: one folder is all that it needs."""

import json

import nibabel as nib
import numpy as np
import pytest
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

from tests.recipes.package_copy import PackageCopy

HEADING, FOLDER = "Add a data set", "Dataset790_ACME"
NAMES = tuple(f"acme{number}" for number in range(1, 7))
SHAPE, AFFINE = (20, 24, 8), np.diag([-2.0, -2.5, 3.0, 1.0])


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    made = PackageCopy(tmp_path_factory.mktemp("recipe") / "package")
    assert {path.rsplit("/", 1)[0] for path in made.follow(HEADING)} == {"dataset_conversion/acme"}
    return made


@pytest.fixture
def source(tmp_path):
    """Six patients, a folder for each kind of image; returns the folder and the arrays."""
    rng, root, arrays = np.random.default_rng(3), tmp_path / "acme", {}
    for name in NAMES:
        gtv = np.zeros(SHAPE, np.uint8)
        gtv[6:11, 8:14, 2:6] = 1
        ct, suv = rng.integers(-1000, 300, SHAPE).astype(np.int16), rng.uniform(0, 12, SHAPE).astype(np.float32)
        for kind, values in (("ct", ct), ("suv", suv), ("gtv", gtv)):
            image = nib.Nifti1Image(values, AFFINE)
            image.header.set_xyzt_units("mm")
            (root / kind).mkdir(parents=True, exist_ok=True)
            nib.save(image, root / kind / f"{name}.nii.gz")
            arrays[name, kind] = values
    return root, arrays


def convert(package, raw, *arguments):
    raw.mkdir(exist_ok=True)
    return package.run("-m", "nnunet_cipa", "convert", "acme", *arguments, nnUNet_raw=str(raw))


def test_the_command_writes_a_data_set_that_nnunet_takes(package, source, tmp_path):
    root, arrays = source
    done = convert(package, tmp_path / "raw", root, "--intensity", "raw", "--processes", "2")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "raw" / FOLDER
    assert done.stdout.splitlines() == [
        "train: 6 cases, 48 slices in imagesTr, 24 of them with GTV",
        "test: 0 cases, 0 slices in imagesTs, 0 of them with GTV",
        f"written to {folder}",
    ]
    verify_dataset_integrity(str(folder), num_processes=1)
    for name in NAMES:
        files = {"ct": f"imagesTr/{name}_0000", "suv": f"imagesTr/{name}_0001", "gtv": f"labelsTr/{name}"}
        for kind, path in files.items():
            found = nib.load(folder / f"{path}.nii.gz").get_fdata()
            np.testing.assert_allclose(found, arrays[name, kind], rtol=1e-6, atol=1e-6, err_msg=path)
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, "GTV": 1}
    assert json.loads((folder / "provenance" / "acme1.json").read_text())["source"] == "ACME study set"


def test_it_has_the_options_of_a_study_set(package, source, tmp_path):
    told = " ".join(package.run("-m", "nnunet_cipa", "convert", "acme", "--help").stdout.split())
    assert "Number of the data set, 1 to 999 (default: 790)" in told
    assert "--crop" in told
    assert "acme" in package.run("-m", "nnunet_cipa", "convert", "--help").stdout
    root, _ = source
    done = convert(package, tmp_path / "raw", root, "--test-fraction", "0.2", "--name", "PART")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "raw" / "Dataset790_PART" / "imagesTs").iterdir())) == 2


def test_a_patient_without_a_file_is_named(package, source, tmp_path):
    root, _ = source
    (root / "gtv" / "acme3.nii.gz").unlink()
    done = convert(package, tmp_path / "raw", root)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"patient acme3: {root / 'gtv' / 'acme3.nii.gz'}: missing; add it, or remove the patient" in line
    assert not (tmp_path / "raw" / FOLDER).exists()
