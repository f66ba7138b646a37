"""What is told of where the patients come from and the dataset goes to, and of too few, done as the message has it."""

import shutil

import pydicom
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.phantoms.options import Form
from tests.dataset_conversion.lucid_dicom import PATIENTS, cases, link_tree
from tests.dataset_conversion.lucid_dicom_remedies import FOLDER, refusal


def refused(capsys, told, *argv):
    assert main(["convert", "lucid", *map(str, argv), "--processes", "1"]) == 1
    message = refusal(capsys)
    assert told in message
    return message


def converted(*argv):
    return main(["convert", "lucid", *map(str, argv), "--processes", "1"]) == 0


@pytest.fixture
def two(pair):
    """The folder of two patients."""
    return pair.root


@pytest.fixture
def dicom(phantoms):
    return phantoms[Form.DICOM]


@pytest.mark.parametrize("given", ["nowhere", "empty", "others"])
def test_the_folder_that_holds_the_patients_is_given(given, two, raw, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "others").mkdir()
    plan = pydicom.dcmread(next((two / "0001").iterdir()))
    plan.SOPClassUID = plan.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    plan.save_as(tmp_path / "others" / "plan.dcm")
    refused(capsys, "give the folder that holds the patients", tmp_path / given)
    assert converted(two)
    assert len(cases(raw / FOLDER)) == 2


def test_the_key_table_goes_to_another_place(two, raw, tmp_path, capsys):
    refused(capsys, "choose another place", two, "--key-table", raw / "keys.csv")
    assert converted(two, "--key-table", tmp_path / "keys.csv")
    assert len((tmp_path / "keys.csv").read_text().splitlines()) == 3


def test_the_folder_of_the_key_table_is_made(two, raw, tmp_path, capsys):
    table = tmp_path / "private" / "keys.csv"
    refused(capsys, "is not a folder; make it first", two, "--key-table", table)
    table.parent.mkdir()
    assert converted(two, "--key-table", table)
    assert len(table.read_text().splitlines()) == 3


@pytest.mark.parametrize("options", [["--overwrite"], ["--key-table", "new.csv"]], ids=str)
def test_a_key_table_that_is_there_is_replaced_or_another_name_given(options, two, raw, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.csv").write_text("old")
    refused(capsys, "give --overwrite to replace it, or another name", two, "--key-table", "keys.csv")
    assert converted(two, "--key-table", "keys.csv", *options)
    assert len((tmp_path / options[-1].replace("--overwrite", "keys.csv")).read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "folder"), [(["--overwrite"], FOLDER), (["--dataset-id", "703"], "Dataset703_LUCID")]
)
def test_a_dataset_that_is_there_is_replaced_or_another_number_given(options, folder, two, raw, capsys):
    (raw / FOLDER).mkdir()
    refused(capsys, "give --overwrite to replace it, or choose another --dataset-id", two)
    assert converted(two, *options)
    assert len(cases(raw / folder)) == 2


def without_weight(export):
    export.edit(3, "PET AC", lambda dataset: delattr(dataset, "PatientWeight"))


def exported_again(export, dicom):
    shutil.rmtree(export.folder(3))
    link_tree(dicom / "0003", export.folder(3))


def test_the_others_are_converted_and_later_all(export, dicom, raw, capsys):
    export.hold_nobody_out()
    without_weight(export)
    told = "correct them and convert again with --overwrite"
    refused(capsys, told, export.root, "--keep-going")
    assert len(cases(raw / FOLDER)) == PATIENTS - 1
    exported_again(export, dicom)
    assert converted(export.root, "--overwrite")
    assert len(cases(raw / FOLDER)) == PATIENTS


def test_the_failed_ones_are_corrected_where_nobody_is_left(pair, dicom, raw, capsys):
    shutil.rmtree(pair.folder(1))
    pair.edit(2, "PET AC", lambda dataset: delattr(dataset, "PatientWeight"))
    refused(capsys, "no patient in order is left to train on; correct the others", pair.root, "--keep-going")
    shutil.rmtree(pair.folder(2))
    link_tree(dicom / "0002", pair.folder(2))
    assert converted(pair.root, "--keep-going")
    assert len(cases(raw / FOLDER)) == 1
