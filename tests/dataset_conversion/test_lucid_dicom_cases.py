"""A study set in DICOM becomes the cases that were drawn, and those of the same study set in NIfTI."""

import json
import re

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
from scipy.ndimage import map_coordinates

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.options import Form
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import (
    IDS,
    PATIENTS,
    SLICES,
    cases,
    drawn,
    link_tree,
    provenance,
    values,
    whose,
    written,
)

RAW = Storage(Intensity.RAW)


@pytest.fixture(scope="module")
def both(phantoms, tmp_path_factory):
    """The folders made from DICOM and from NIfTI, HU and SUV as they are, with hearts."""
    raw = tmp_path_factory.mktemp("nnUNet_raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("nnUNet_raw", str(raw))
        return {
            form: convert_lucid(
                root, Options(dataset_id=number, name=form.value, storage=RAW, organs=("HEART",), processes=1)
            ).folder
            for number, (form, root) in enumerate(phantoms.items(), 1)
        }


def expected_suv(study):
    """The drawn PET on the CT's grid by scipy's linear interpolation, 0 outside."""
    axes = [
        (origin + spacing * np.arange(count) - pet_origin) / pet_spacing
        for origin, spacing, count, pet_origin, pet_spacing in zip(
            study.grid.origin, study.grid.spacing, study.ct.shape, study.pet_grid.origin, study.pet_grid.spacing,
            strict=True,
        )
    ]  # fmt: skip
    return map_coordinates(study.pet.astype(np.float64), np.meshgrid(*axes, indexing="ij"), order=1)


def test_all_patients_are_there_and_nnunet_accepts_the_dataset(both, capsys):
    folder = both[Form.DICOM]
    assert sorted(whose(folder, case) for case in cases(folder)) == list(range(1, PATIENTS + 1))
    verify_dataset_integrity(str(folder), num_processes=1)
    assert "Done" in capsys.readouterr().out
    content = json.loads((folder / "dataset.json").read_text())
    assert (content["synthetic"], content["numTraining"], content["intensity"]) == (True, PATIENTS - 1, "raw")


def test_hu_suv_masks_and_hearts_are_the_drawn_ones(both):
    folder = both[Form.DICOM]
    for case in cases(folder):
        study = drawn(whose(folder, case) - 1)
        np.testing.assert_array_equal(values(written(folder, case, "mask")), study.igtv)
        np.testing.assert_array_equal(values(written(folder, case, "HEART")), study.heart)
        # int16 with a slope of its own in each slice: half a step is a 65,534th of the slice's highest value
        found, expected = values(written(folder, case, "PET")), expected_suv(study)
        np.testing.assert_allclose(found, expected, rtol=0, atol=study.pet.max() / 65000)
        assert found.max() > 2
        image = sitk.ReadImage(str(written(folder, case, "CT")))
        np.testing.assert_allclose(image.GetOrigin(), study.grid.origin[::-1], atol=1e-4)
        np.testing.assert_allclose(image.GetSpacing(), study.grid.spacing[::-1], rtol=1e-6)


def test_cases_are_those_of_the_nifti_files(both):
    dicom, nifti = both[Form.DICOM], both[Form.NIFTI]
    assert sorted(cases(nifti)) == [f"{number:04d}" for number in range(1, PATIENTS + 1)]
    for case in cases(dicom):
        number = whose(dicom, case)
        same = f"{number:04d}"
        for kind in ("CT", "mask", "HEART"):
            np.testing.assert_array_equal(values(written(dicom, case, kind)), values(written(nifti, same, kind)))
        pet, other = values(written(dicom, case, "PET")), values(written(nifti, same, "PET"))
        np.testing.assert_allclose(pet, other, rtol=0, atol=drawn(number - 1).pet.max() / 65000)
        facts, others = provenance(dicom, case), provenance(nifti, same)
        for name in ("tumour_slices", "size", "hu", "orientation", "part"):
            assert facts[name] == others[name]
        assert facts["tumour_ml"] == pytest.approx(others["tumour_ml"])
        assert facts["voxels_sha256"]["CT"] == others["voxels_sha256"]["CT"]


def test_several_processes_write_the_same_bytes_as_one(both, phantoms, raw):
    options = Options(dataset_id=1, name="dicom", storage=RAW, organs=("HEART",), processes=2)
    folder = convert_lucid(phantoms[Form.DICOM], options).folder
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
    assert len(files) == 3 + PATIENTS * 5
    assert all((folder / path).read_bytes() == (both[Form.DICOM] / path).read_bytes() for path in files)


def test_provenance_tells_how_suv_was_computed(both):
    folder = both[Form.DICOM]
    for case in cases(folder):
        used = provenance(folder, case)["values"]["PET"]
        assert (used["Units"], used["DecayCorrection"], used["rule"]) == ("BQML", "START", 5)
        assert 52 <= used["PatientWeight"] <= 98
        assert 3.0 <= used["RadionuclideTotalDose"] / 1e6 / used["PatientWeight"] <= 4.5
        assert 2 ** (-80 * 60 / 6586.2) <= used["remaining_activity"] <= 2 ** (-50 * 60 / 6586.2)
        suv = 1000 * used["PatientWeight"] / (used["RadionuclideTotalDose"] * used["remaining_activity"])
        assert used["suv_per_bqml"] == pytest.approx(suv)
        assert used["highest_suv"] == pytest.approx(drawn(whose(folder, case) - 1).pet.max(), rel=1e-3)


def test_held_out_is_who_test_txt_lists_by_patient_id(both, phantoms):
    folder = both[Form.DICOM]
    listed = (phantoms[Form.DICOM] / "test.txt").read_text().split()
    held_out = [path.name.removesuffix(".nii.gz") for path in (folder / "labelsTs").iterdir()]
    assert [IDS[whose(folder, case) - 1] for case in held_out] == listed


def test_crop_gives_the_parts_of_the_nifti_files(phantoms, raw):
    parts = {}
    for number, (form, root) in enumerate(phantoms.items(), 1):
        folder = convert_lucid(root, Options(dataset_id=number, name=form.value, crop=True, processes=1)).folder
        for case in cases(folder):
            ct, mask = (sitk.ReadImage(str(written(folder, case, kind))) for kind in ("CT", "mask"))
            assert mask.GetOrigin() == ct.GetOrigin()
            crop = provenance(folder, case)["crop"]
            assert ct.GetSize() == tuple(crop["size"])
            assert ct.GetSize()[2] == SLICES
            assert np.prod(crop["size"]) < np.prod(crop["original_size"])
            voxels = sitk.GetArrayFromImage(ct).tobytes()
            parts.setdefault(voxels, []).append((ct.GetOrigin(), sitk.GetArrayFromImage(mask)))
    assert len(parts) == PATIENTS
    for (origin, mask), (other_origin, other_mask) in parts.values():
        np.testing.assert_allclose(origin, other_origin, atol=1e-4)
        np.testing.assert_array_equal(mask, other_mask)
    tumours = sorted(int(mask.sum()) for (_, mask), _ in parts.values())
    assert tumours == sorted(int(drawn(index).igtv.sum()) for index in range(PATIENTS))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("i?gtv", "'GTV', 'IGTV' all match --roi 'i?gtv'; name one with --roi"),
        ("lung", "no ROI matches --roi 'lung'; it holds 'GTV', 'IGTV', 'Heart', 'BODY', 'Ring', 'Ring_keyhole'"),
    ],
)
def test_pattern_of_several_or_no_regions_is_refused(phantoms, raw, left_in, pattern, told):
    with pytest.raises(CIPAError, match=re.escape(told)):
        convert_lucid(phantoms[Form.DICOM], Options(pattern=pattern, processes=1))
    assert left_in(raw) == []


@pytest.mark.parametrize(
    ("options", "label", "field"),
    [
        (["--roi", "gtv"], "GTV", "gtv"),
        (["--roi", "g.v", "--label", "GTV"], "GTV", "gtv"),
        (["--roi", "g.v"], "IGTV", "gtv"),
    ],
)
def test_roi_and_label_of_the_command(phantoms, raw, options, label, field):
    argv = ["convert", "lucid", str(phantoms[Form.DICOM]), "--processes", "1", "--intensity", "raw", *options]
    assert main(argv) == 0
    folder = raw / "Dataset702_LUCID"
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, label: 1}
    for case in cases(folder):
        expected = getattr(drawn(whose(folder, case) - 1), field)
        np.testing.assert_array_equal(values(written(folder, case, "mask")), expected)


def test_label_without_a_pattern_is_refused(phantoms, raw, capsys):
    assert main(["convert", "lucid", str(phantoms[Form.DICOM]), "--roi", "gtv", "--label", "IGTV"]) == 1
    assert "--label IGTV: is for a --roi that is a regular expression" in capsys.readouterr().err


def test_pattern_that_is_no_expression_is_told_once_before_any_file_is_opened(tmp_path, raw):
    with pytest.raises(CIPAError, match=r"^--roi '\(' is not a regular expression"):
        convert_lucid(tmp_path, Options(pattern="(", processes=1))


def test_names_and_folders_of_the_files_tell_nothing(phantoms, raw, tmp_path):
    """All files of all patients in one folder, under other names and among files that are not DICOM."""
    flat = tmp_path / "flat"
    flat.mkdir()
    source = link_tree(phantoms[Form.DICOM], tmp_path / "copy")
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix == "")
    for number, path in enumerate(files):
        path.rename(flat / f"{(number * 7919) % 10007}.dcm")
    (flat / "notes.docx").write_bytes(b"x" * 500)
    (flat / "empty").write_bytes(b"")
    (flat / ".DS_Store").write_bytes(b"x")
    folder = convert_lucid(flat, Options(storage=RAW, processes=1)).folder
    assert len(cases(folder)) == PATIENTS
    for case in cases(folder):
        np.testing.assert_array_equal(values(written(folder, case, "mask")), drawn(whose(folder, case) - 1).igtv)
