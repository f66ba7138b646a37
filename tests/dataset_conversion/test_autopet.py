"""autoPET in both of its layouts, made here with known values."""

import json

import numpy as np
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.autopet.layout import read_autopet
from nnunet_cipa.dataset_conversion.autopet.options import Options, Tracer
from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage, WithoutTumour
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import provenance
from tests.dataset_conversion.nifti_volumes import Grid, stored

PET = Grid((12, 14, 10), (4.0, 4.0, 3.0), (-24.0, -28.0, -15.0))
CT = Grid((30, 36, 16), (2.0, 2.0, 2.0), (-29.0, -35.0, -16.0))
LOW, HIGH = (-5, -5, -4), (6, 3, 4)
# Patients of FDG-PET-CT-Lesions, and the names of their studies; the second study of B has no lesion.
STUDIES = {"PETCT_A": ["03-23-2003 head"], "PETCT_B": ["01-01-2001 one", "02-02-2002 two"], "PETCT_C": ["x"]}
HEALTHY = "02-02-2002 two"


def convert(source, **options):
    chosen = Options(**{"processes": 1, "storage": Storage(Intensity.RAW), **options})
    return convert_study_set(lambda: read_autopet(source, chosen), chosen)


@pytest.fixture
def lesions(tmp_path):
    """FDG-PET-CT-Lesions in NIfTI, of which every file has other values."""
    root = tmp_path / "FDG-PET-CT-Lesions"
    seed = 0
    for patient, studies in STUDIES.items():
        for study in studies:
            folder, seed = root / patient / study, seed + 1
            PET.save(folder / "CTres.nii.gz", PET.hu(seed).astype(np.float32))
            PET.save(folder / "SUV.nii.gz", PET.suv(seed))
            PET.save(folder / "PET.nii.gz", PET.suv(seed) * 5000)
            PET.save(folder / "SEG.nii.gz", PET.box(LOW, HIGH, value=int(study != HEALTHY)))
    return root


@pytest.fixture
def third(tmp_path):
    """autoPET III: five patients with FDG or PSMA, one with two studies."""
    root = tmp_path / "autopet3"
    names = ["fdg_a1_03-23-2003-NA-PET-CT Ganzkoerper  mit KM-10445", "fdg_b2_2001-01-01", "fdg_b2_2002-02-02"]
    for seed, name in enumerate([*names, "psma_c3_2018-05-01", "psma_d4_2019-05-01"], start=1):
        PET.save(root / "imagesTr" / f"{name}_0000.nii.gz", PET.hu(seed))
        PET.save(root / "imagesTr" / f"{name}_0001.nii.gz", PET.suv(seed))
        PET.save(root / "labelsTr" / f"{name}.nii.gz", PET.box(LOW, HIGH))
    (root / "splits_final.json").write_text("[]")
    return root


def test_studies_are_cases_with_the_values_of_their_files(lesions, raw):
    conversion = convert(lesions)
    cases = {"PETCT_A_1": 1, "PETCT_B_1": 2, "PETCT_B_2": 3, "PETCT_C_1": 4}
    assert {path.name for path in (conversion.folder / "labelsTr").iterdir()} == {f"{case}.nii.gz" for case in cases}
    for case, seed in cases.items():
        # Nothing is resampled: CT, PET and mask are on one grid
        ct, pet = (stored(conversion.folder / "imagesTr" / f"{case}_000{channel}.nii.gz") for channel in (0, 1))
        np.testing.assert_array_equal(ct, PET.hu(seed))
        np.testing.assert_allclose(pet, PET.suv(seed), rtol=1e-6)
        mask = PET.box(LOW, HIGH, value=int(case != "PETCT_B_2"))
        np.testing.assert_array_equal(stored(conversion.folder / "labelsTr" / f"{case}.nii.gz"), mask)
    assert provenance(conversion.folder, "PETCT_B_2")["values"]["CT"] == {"study": HEALTHY}
    assert "without tumour: 1 cases kept as background, 0 left out" in conversion.told


def test_studies_of_a_patient_are_in_one_fold(lesions, raw):
    folder = convert(lesions).folder
    assert "non-commercial" in json.loads((folder / "dataset.json").read_text())["licence"]
    folds = json.loads((folder / "splits_final.json").read_text())
    assert sorted(fold["val"] for fold in folds) == [["PETCT_A_1"], ["PETCT_B_1", "PETCT_B_2"], ["PETCT_C_1"]]


def test_studies_without_lesions_are_left_out_or_refused(lesions, raw):
    conversion = convert(lesions, without_tumour=WithoutTumour.LEAVE_OUT)
    written = sorted(path.name for path in (conversion.folder / "labelsTr").iterdir())
    assert written == ["PETCT_A_1.nii.gz", "PETCT_B_1.nii.gz", "PETCT_C_1.nii.gz"]
    assert "without tumour: 0 cases kept as background, 1 left out" in conversion.told
    assert provenance(conversion.folder, "_dataset")["left_out_without_tumour"] == 1
    with pytest.raises(CIPAError, match=r"02-02-2002 two/SEG.nii.gz: is empty"):
        convert(lesions, without_tumour=WithoutTumour.REFUSE, overwrite=True)


def test_a_ct_on_its_own_grid_comes_to_that_of_the_pet(lesions, raw):
    folder = lesions / "PETCT_A" / "03-23-2003 head"
    (folder / "CTres.nii.gz").unlink()
    x, _, z = CT.centres
    # A ramp that linear interpolation keeps, and air beside it
    CT.save(folder / "CT.nii.gz", np.where(x < -20, -900, -100 + 2 * z).astype(np.float32))
    conversion = convert(lesions)
    found = stored(conversion.folder / "imagesTr" / "PETCT_A_1_0000.nii.gz")
    px, py, pz = PET.centres
    inside = (px > -19) & (px <= 29) & (py <= 35) & (np.abs(pz) <= 14)
    assert inside.sum() > 500
    np.testing.assert_allclose(found[inside], (-100 + 2 * pz)[inside], atol=1e-4)
    assert any("was resampled to the PET's" in warning for warning in conversion.warnings)


def test_a_ct_of_another_place_is_refused(lesions, raw):
    folder = lesions / "PETCT_A" / "03-23-2003 head"
    (folder / "CTres.nii.gz").unlink()
    elsewhere = Grid(CT.shape, CT.spacing, (500.0, 0.0, 0.0))
    elsewhere.save(folder / "CT.nii.gz", elsewhere.hu(1))
    with pytest.raises(CIPAError, match=r"covers little or nothing of .*SUV.nii.gz; give the CT of the same study"):
        convert(lesions)


def test_nnunets_layout_gives_the_same_and_tells_tracers_apart(third, raw):
    conversion = convert(third, group="tracer")
    cases = {"fdg_a1_1": 1, "fdg_b2_1": 2, "fdg_b2_2": 3, "psma_c3_1": 4, "psma_d4_1": 5}
    for case, seed in cases.items():
        np.testing.assert_array_equal(stored(conversion.folder / "imagesTr" / f"{case}_0000.nii.gz"), PET.hu(seed))
    folds = json.loads((conversion.folder / "splits_final.json").read_text())
    assert [fold["val"] for fold in folds] == [["fdg_a1_1", "fdg_b2_1", "fdg_b2_2"], ["psma_c3_1", "psma_d4_1"]]
    assert provenance(conversion.folder, "_dataset")["folds_leave_out"] == {
        "column": "tracer", "groups": ["fdg", "psma"],
    }  # fmt: skip


def test_one_tracer_alone(third, raw):
    conversion = convert(third, tracer=Tracer.PSMA)
    assert {case.name for case in conversion.cases} == {"psma_c3_1", "psma_d4_1"}
    for path in third.rglob("psma_*"):
        path.unlink()
    with pytest.raises(CIPAError, match="has no study with psma; leave out --tracer"):
        convert(third, tracer=Tracer.PSMA, overwrite=True)


def test_slices_with_lesions_alone(lesions, raw):
    conversion = convert(lesions, tumour_slices=True)
    inside = PET.box(LOW, HIGH).any(axis=(0, 1))
    assert 0 < inside.sum() < PET.shape[2]
    found = stored(conversion.folder / "imagesTr" / "PETCT_C_1_0000.nii.gz")
    np.testing.assert_array_equal(found, PET.hu(4)[..., inside])
    pet = stored(conversion.folder / "imagesTr" / "PETCT_C_1_0001.nii.gz")
    np.testing.assert_allclose(pet, PET.suv(4)[..., inside], rtol=1e-6)
    # A study without lesions is kept whole
    assert stored(conversion.folder / "labelsTr" / "PETCT_B_2.nii.gz").shape == PET.shape
    first = int(np.flatnonzero(inside)[0])
    cut = {"offset": [0, 0, first], "size": [12, 14, int(inside.sum())], "original_size": [12, 14, 10]}
    assert provenance(conversion.folder, "PETCT_C_1")["values"]["GTV"]["cut"] == cut


def test_patients_of_test_txt_are_held_out_with_all_studies(lesions, raw):
    (lesions / "test.txt").write_text("PETCT_B\n")
    conversion = convert(lesions)
    assert {case.name for case in conversion.part("test")} == {"PETCT_B_1", "PETCT_B_2"}


def test_what_is_missing_or_misnamed_is_told(lesions, third, raw, tmp_path, capsys):
    (lesions / "PETCT_A" / "03-23-2003 head" / "SUV.nii.gz").unlink()
    assert main(["convert", "autopet", str(lesions), "--processes", "1"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "patient PETCT_A, study 03-23-2003 head: " in error
    assert "SUV.nii.gz: missing; add it, or remove the study" in error
    assert main(["convert", "autopet", str(lesions), "--processes", "1", "--keep-going"]) == 1
    assert (raw / "Dataset703_autoPET" / "labelsTr" / "PETCT_C_1.nii.gz").is_file()
    with pytest.raises(CIPAError, match="give the folder of autoPET"):
        convert(tmp_path / "nowhere", overwrite=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CIPAError, match="holds neither imagesTr"):
        convert(tmp_path / "empty", overwrite=True)
    (third / "labelsTr" / "BRATS_001.nii.gz").write_bytes(b"")
    with pytest.raises(CIPAError, match=r"BRATS_001: is not named as autoPET's studies are.*rename its files"):
        convert(third, overwrite=True)


@pytest.mark.parametrize("suv", [300.0, 2000.0])
def test_uptake_that_psma_has_is_taken_and_bq_per_ml_is_not(lesions, raw, suv):
    values = PET.suv(1)
    values[0, 0, 0] = suv
    PET.save(lesions / "PETCT_A" / "03-23-2003 head" / "SUV.nii.gz", values)
    if suv < 1000:
        assert convert(lesions).written == 4
        return
    with pytest.raises(CIPAError, match=r"the highest value is 2000.* or give a --highest-suv above it"):
        convert(lesions)
    assert convert(lesions, highest_suv=2001).written == 4
