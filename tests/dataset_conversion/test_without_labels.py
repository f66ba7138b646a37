"""Patients to predict: ``convert lucid --no-labels`` writes CT and PET as with labels, and nothing else."""

import csv
import hashlib
import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from nnunetv2.utilities.utils import create_lists_from_splitted_dataset_folder

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.study_set.crop import body_box
from tests.dataset_conversion.lucid_dicom import IDS, cases, drawn, provenance, values, written

RUN = ("--processes", "1")
NEW = ("--no-labels", "--dataset-id", "9", "--name", "NEW", *RUN)


def convert(source, *given):
    return main(["convert", "lucid", str(source), *map(str, given)])


def hashes(folder, part):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / f"images{part}").iterdir())


@pytest.fixture
def new(pair, raw, tmp_path, capsys):
    """Two patients in DICOM, converted without their contours, and what was said."""
    keys = tmp_path / "keys.csv"
    assert convert(pair.root, *NEW, "--key-table", keys) == 0
    return raw / "Dataset009_NEW", keys, capsys.readouterr()


def test_the_images_are_those_with_labels_and_all_to_be_predicted(new, pair, raw, left_in):
    folder, _, told = new
    assert convert(pair.root, *RUN) == 0
    assert hashes(folder, "Ts") == hashes(raw / "Dataset702_LUCID", "Tr")
    assert not [path for name in ("imagesTr", "labelsTr", "labelsTs") for path in (folder / name).iterdir()]
    assert left_in(folder) == ["dataset.json", "imagesTr", "imagesTs", "labelsTr", "labelsTs", "provenance"]
    assert f"test: 2 cases, {2 * 16} slices in imagesTs, without labels" in told.out
    assert "passed over: 2 files of RTSTRUCT" in told.out
    assert told.err == ""


def test_nnunet_finds_the_cases_to_predict(new):
    folder, _, _ = new
    found = create_lists_from_splitted_dataset_folder(str(folder / "imagesTs"), ".nii.gz")
    assert [len(channels) for channels in found] == [2, 2]
    content = json.loads((folder / "dataset.json").read_text())
    assert (content["labels"], content["numTraining"]) == ({"background": 0}, 0)


def test_the_provenance_claims_no_label(new):
    folder, _, _ = new
    for case in cases(folder):
        content = provenance(folder, case)
        assert content["sha256"].keys() == {"CT", "PET"}
        assert (content["roi"], content["tumour_ml"], content["tumour_slices"]) == (None, None, None)
        assert content["values"].keys() == {"PET"}


@pytest.mark.parametrize("tie", ["--key-table", "--provenance"])
def test_a_prediction_goes_back_to_its_ct(new, pair, tmp_path, tie):
    """The prediction has the drawn tumour."""
    folder, keys, _ = new
    rows = {row["case"]: row for row in csv.DictReader(keys.open())}
    assert {row["patient_id"] for row in rows.values()} == {*IDS[:2]}
    predictions, out = tmp_path / "predictions", tmp_path / "out"
    predictions.mkdir()
    (case,) = (name for name, row in rows.items() if row["patient_id"] == IDS[1])
    mask = sitk.GetImageFromArray(drawn(1).igtv.astype(np.uint8))
    mask.CopyInformation(sitk.ReadImage(str(folder / "imagesTs" / f"{case}_0000.nii.gz")))
    sitk.WriteImage(mask, str(predictions / f"{case}.nii.gz"))
    where = keys if tie == "--key-table" else folder / "provenance"
    assert main(["export-dicom", str(predictions), str(pair.root), str(out), tie, str(where)]) == 0
    (path,) = out.rglob("*.dcm")
    made = pydicom.dcmread(path)
    assert made.PatientID == IDS[1]
    named = made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert named.SeriesInstanceUID == rows[case]["ct_series_uid"]


def test_patients_need_no_structure_set(new, pair, raw):
    folder, _, _ = new
    for number in (1, 2):
        for path in pair.files(number, "structures"):
            path.unlink()
    assert convert(pair.root, "--no-labels", "--dataset-id", "8", *RUN) == 0
    assert hashes(raw / "Dataset008_LUCID", "Ts") == hashes(folder, "Ts")


def test_nifti_needs_no_mask(lucid, raw):
    assert convert(lucid.root, *RUN) == 0
    (lucid.root / "test.txt").write_text("P03\n")
    for number in range(1, 4):
        lucid.path(f"P{number:02d}", "IGTV").unlink()
    assert convert(lucid.root, *NEW) == 0
    assert hashes(raw / "Dataset009_NEW", "Ts") == hashes(raw / "Dataset702_LUCID", "Tr")


def test_cases_are_cut_to_the_body_without_a_tumour(pair, raw, tmp_path):
    keys = tmp_path / "keys.csv"
    assert convert(pair.root, *NEW, "--crop", "--intensity", "raw", "--key-table", keys) == 0
    folder, patients = raw / "Dataset009_NEW", {row["case"]: row["patient_id"] for row in csv.DictReader(keys.open())}
    for case in cases(folder):
        study = drawn(IDS.index(patients[case]))
        expected = body_box(study.ct, study.grid.spacing)
        np.testing.assert_array_equal(values(written(folder, case, "CT")), study.ct[expected])
        assert not provenance(folder, case)["crop"]["enlarged_for_tumour"]


@pytest.mark.parametrize(
    "given",
    [
        ("--roi", "IGTV"), ("--label", "GTV"), ("--organs", "HEART"), ("--structure-set", "latest"),
        ("--seg-threshold", "0.5"), ("--missing-slices", "accept"), ("--test-fraction", "0.2"), ("--group", "station"),
        ("--group-table", "table.csv"),
    ],
)  # fmt: skip
def test_options_of_labels_and_folds_are_refused(lucid, raw, capsys, given, left_in):
    with pytest.raises(SystemExit) as ended:
        convert(lucid.root, *NEW, *given)
    assert ended.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "--no-labels: leaves nothing for" in line
    assert given[0] in line
    assert left_in(raw) == []
