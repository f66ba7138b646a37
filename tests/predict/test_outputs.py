"""What is written beside the mask: measures, certainty, page, and the report that holds no name."""

import csv
import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.page import PageOptions
from tests.predict.test_masks import above, read


@pytest.fixture
def both(nifti_study, make_model, tmp_path):
    """Predict with two folds, thresholds of SUV 2 and 6, whose mean is 4."""
    return predict_study(nifti_study, tmp_path / "out", make_model(2.0, 6.0))


def test_certainty_is_where_the_folds_differ(both, nifti_study):
    for one in both:
        low, high = (above(nifti_study / one.patient_id, suv) for suv in (2.0, 6.0))
        votes = read(one.folder / "certainty_members.nii.gz")
        assert (votes == 100 * low.astype(int) / 2 + 100 * high.astype(int) / 2).mean() > 0.9999
        found = json.loads((one.folder / "manifest.json").read_text())["certainty"]
        expected = 2 * np.count_nonzero(high) / (np.count_nonzero(low) + np.count_nonzero(high))
        assert found["expected_dice_between_members"] == pytest.approx(expected, abs=0.002)
        assert found["unsure"] == (expected < 0.8)


def test_measures_are_those_of_the_mask(both, nifti_study):
    for one in both:
        with (one.folder / "lesions.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        whole = next(row for row in rows if row["lesion"] == "all")
        mask = sitk.ReadImage(str(one.folder / "mask.nii.gz"))
        millilitres = np.count_nonzero(sitk.GetArrayFromImage(mask)) * np.prod(mask.GetSpacing()) / 1000
        assert float(whole["volume_ml"]) == pytest.approx(millilitres, rel=1e-4)
        pet = sitk.GetArrayFromImage(sitk.ReadImage(str(nifti_study / one.patient_id / "PET.nii.gz")))
        assert float(whole["suv_max"]) == pytest.approx(pet.max(), rel=1e-4)


def test_the_page_names_nobody_unless_it_is_told_to(dicom_study, make_model, tmp_path):
    model = make_model(3.0)
    for shown in (False, True):
        options = PredictOptions(sr=True, page=PageOptions(show_names=shown))
        for one in predict_study(dicom_study, tmp_path / str(shown), model, options):
            text = (one.folder / "report.html").read_text()
            manifest = json.loads((one.folder / "manifest.json").read_text())
            assert (one.patient_id in text) is shown
            assert (manifest["pseudonym"] in text) is not shown
            report = pydicom.dcmread(one.folder / "sr.dcm")
            assert (report.Modality, report.PatientID) == ("SR", one.patient_id)
            assert {path.name for path in one.folder.iterdir()} == {*manifest["outputs"], "manifest.json"}
