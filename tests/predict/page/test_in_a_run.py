"""The page that a run writes: as wanted, with the run's warnings, and without what tells who it is."""

from dataclasses import replace

import pydicom

from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.predict.page.options import PageOptions

IDENTIFIERS = ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription")


def test_a_run_writes_the_page_that_is_wanted(dicom_study, make_model, tmp_path):
    folder = min(path for path in dicom_study.iterdir() if path.is_dir())
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.iterdir()]
    told = {str(header[keyword].value) for header in headers for keyword in IDENTIFIERS}
    options = PredictOptions(use=UseOptions(disable_tta=True))
    (one,) = predict_study(folder, tmp_path / "out", model := make_model(3.0), options)
    assert one.folder / "report.html" in one.written
    text = (one.folder / "report.html").read_text(encoding="utf-8")
    assert one.warnings
    assert all(warning.replace("'", "&#39;") in text for warning in one.warnings)
    assert not [word for word in told | {str(folder), one.patient_id} if word in text]
    named = replace(options, page=PageOptions(show_names=True), overwrite=True)
    (one,) = predict_study(folder, tmp_path / "out", model, named)
    assert f"Patient {one.patient_id}" in (one.folder / "report.html").read_text(encoding="utf-8")
