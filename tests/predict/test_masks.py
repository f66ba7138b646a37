"""Masks are those that a threshold, or nnU-Net's own command, gives."""

import json

import numpy as np
import SimpleITK as sitk
from highdicom.seg import segread

from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.dicom import read_roi
from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.model.options import UseOptions
from tests.predict.conftest import SIZE, SLICES, SPACING
from tests.predict.models import (
    in_three_dimensions,
    make_dataset_json,
    make_plans,
    stored,
    threshold_weights,
    write_model,
)


def above(folder, suv):
    """Return where the PET, on the voxels of the CT, is above a SUV; by SimpleITK alone."""
    ct, pet = (sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in ("CT", "PET"))
    return sitk.GetArrayFromImage(sitk.Resample(pet, ct)) > suv


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def dice(first, second):
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def test_a_threshold_of_suv_is_the_mask_on_the_voxels_of_the_ct(nifti_study, make_model, tmp_path):
    model = make_model(3.0)
    outcomes = predict_study(nifti_study, tmp_path / "out", model)
    assert [one.failure for one in outcomes] == ["", ""]
    for one in outcomes:
        expected = above(nifti_study / one.patient_id, 3.0)
        assert 100 < np.count_nonzero(expected) < expected.size / 20
        assert dice(read(one.folder / "mask.nii.gz") == 1, expected) > 0.999
        mask, ct = (
            sitk.ReadImage(str(path))
            for path in (one.folder / "mask.nii.gz", nifti_study / one.patient_id / "CT.nii.gz")
        )
        np.testing.assert_allclose(mask.GetOrigin(), ct.GetOrigin(), atol=1e-4)
        assert mask.GetSize() == ct.GetSize()


def test_folds_are_averaged(nifti_study, make_model, tmp_path):
    model = make_model(2.0, 6.0)
    both, second = (
        predict_study(nifti_study, tmp_path / name, model, PredictOptions(use=UseOptions(folds=folds)))[0]
        for name, folds in (("both", ()), ("second", ("1",)))
    )
    for one, suv in ((both, 4.0), (second, 6.0)):
        assert dice(read(one.folder / "mask.nii.gz") == 1, above(nifti_study / one.patient_id, suv)) > 0.999


def test_a_model_that_reads_pet_first_gets_it_first(nifti_study, make_model, tmp_path):
    model = make_model(3.0, modalities={"0": "PET", "1": "CT"})
    # Its threshold is of the second channel: of the CT, as it is stored
    one = predict_study(nifti_study, tmp_path / "out", model)[0]
    hu = read(nifti_study / one.patient_id / "CT.nii.gz").astype(np.float32)
    expected = (np.clip(hu, -1200, -200) + 1200) / 1000 * 3.2 > 3.0 / 20 * 3.2
    assert dice(read(one.folder / "mask.nii.gz") == 1, expected) > 0.999


def test_a_three_dimensional_model_predicts_too(nifti_study, threshold_trainer, tmp_path):
    plans = in_three_dimensions(make_plans(SPACING, SIZE), 179.2 / SLICES, SLICES // 2)
    weights = {0: threshold_weights(stored(3.0), dimensions=3)}
    model = write_model(tmp_path / "volume", plans, make_dataset_json(Storage()), weights, configuration="3d_fullres")
    for one in predict_study(nifti_study, tmp_path / "out", model):
        assert dice(read(one.folder / "mask.nii.gz") == 1, above(nifti_study / one.patient_id, 3.0)) > 0.999


def test_a_cropped_case_is_put_back(nifti_study, make_model, tmp_path):
    plain, cropped = (
        predict_study(nifti_study, tmp_path / name, make_model(3.0, name=name, crop=crop))[0]
        for name, crop in (("plain", False), ("cropped", True))
    )
    assert json.loads((cropped.folder / "manifest.json").read_text())["measured"]["crop"]["offset"] != [0, 0, 0]
    np.testing.assert_array_equal(read(cropped.folder / "mask.nii.gz"), read(plain.folder / "mask.nii.gz"))


def test_the_structure_set_of_dicom_is_the_mask(dicom_study, nifti_study, make_model, tmp_path):
    outcomes = predict_study(dicom_study, tmp_path / "out", make_model(3.0), PredictOptions(seg=True))
    assert [one.failure for one in outcomes] == ["", ""]
    expected = {
        name: above(folder, 3.0) for folder in nifti_study.iterdir() if folder.is_dir() for name in [folder.name]
    }
    for one in outcomes:
        mask = read(one.folder / "mask.nii.gz") == 1
        # Bq/ml are stored in 16 bits
        assert max(dice(mask, other) for other in expected.values() if other.shape == mask.shape) > 0.99
        again = sitk.GetArrayFromImage(read_roi(one.folder / "rtstruct.dcm", dicom_study, "IGTV_nnunet_cipa")) > 0
        np.testing.assert_array_equal(again, mask)
        assert np.count_nonzero(segread(one.folder / "seg.dcm").pixel_array) == np.count_nonzero(mask)
