"""A mask goes onto the CT that its case was converted from, and onto no other."""

import csv
import hashlib
import json
import re

import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from tests.dicom.ct_series import FRAME, SERIES, write_ct
from tests.dicom.export_study import GRID, OTHER, mask_on

CASE = "LUCID_0007"


@pytest.fixture
def two(tmp_path):
    """CTs of two patients on one grid, and a mask of the first."""
    write_ct(tmp_path / "own", GRID)
    write_ct(tmp_path / "other", GRID, OTHER, lambda piece, k: setattr(piece, "PatientID", "P2"))
    sitk.WriteImage(mask_on(GRID), tmp_path / f"{CASE}.nii.gz")
    return tmp_path


def keys(folder, rows, delimiter=",", encoding="utf-8", columns=("case", "part", "patient_id", "ct_series_uid")):
    path = folder / "keys.csv"
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([columns, *rows])
    return str(path)


def export(folder, ct, *options):
    return main(["export-dicom", str(folder / f"{CASE}.nii.gz"), str(folder / ct), str(folder / "out"), *options])


def test_another_patients_ct_on_the_same_grid_is_refused(two, capsys):
    table = keys(two, [(CASE, "test", "P1", SERIES)])
    assert export(two, "other", "--key-table", table) == 1
    line = capsys.readouterr().err
    assert f"case {CASE} belongs to CT series {SERIES} by {table}, and there is: CT series {OTHER}" in line
    assert not (two / "out").exists()
    assert export(two, "own", "--key-table", table) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert pydicom.dcmread(two / "out" / "rtstruct.dcm").PatientID == "P1"


def test_without_a_table_the_output_says_whose_it_is(two, capsys):
    assert export(two, "other") == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"nnunet-cipa: warning: {two / CASE}.nii.gz: nothing tells that it belongs to CT series ")
    assert f"{OTHER} of PatientID P2; give --key-table" in warning


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")])
def test_the_table_chooses_among_series_whatever_a_spreadsheet_made_of_it(two, capsys, delimiter, encoding):
    write_ct(two / "own", GRID, OTHER)
    table = keys(two, [("A", "", "P9", "1.9"), (CASE, "test", "P1", f" {OTHER} ")], delimiter, encoding)
    assert export(two, "own", "--key-table", table) == 0
    frame = pydicom.dcmread(two / "out" / "rtstruct.dcm").ReferencedFrameOfReferenceSequence[0]
    assert frame.FrameOfReferenceUID == FRAME
    assert frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].SeriesInstanceUID == OTHER


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([("LUCID_0008", "test", "P1", SERIES)], (), rf"has no case {CASE}; .*name the mask by its case"),
        ([(CASE, "test", "P1", "")], (), r"keys.csv: line 2 has no ct_series_uid"),
        ([("", "test", "P1", SERIES)], (), r"keys.csv: line 2 has no case"),
        ([(CASE, "", "P1", SERIES), (CASE, "", "P1", OTHER)], (), rf"case {CASE} has CT series .* keep one of them"),
        ([], (), r"keys.csv: holds no case"),
        ([(CASE, "test", "P1", SERIES)], ("--series", OTHER), "leave out --series"),
    ],
)
def test_tables_that_do_not_tell(two, capsys, rows, options, said):
    assert export(two, "own", "--key-table", keys(two, rows), *options) == 1
    assert re.search(said, capsys.readouterr().err)
    assert not (two / "out").exists()


def test_a_case_that_is_listed_twice_alike_and_the_series_that_the_table_names(two):
    table = keys(two, [(CASE, "", "P1", SERIES)] * 2)
    assert export(two, "own", "--key-table", table, "--series", SERIES) == 0


def test_a_damaged_file_beside_the_ct_that_the_table_names_is_told(two, capsys):
    (two / "own" / "bad.dcm").write_bytes(b"x")
    assert export(two, "own", "--key-table", keys(two, [(CASE, "", "P1", SERIES)])) == 0
    assert "bad.dcm: cannot be read as DICOM" in capsys.readouterr().err
    assert export(two, "own", "--overwrite") == 1


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", "folder", b"case,patient\nLUCID_0007,P1\n"])
def test_files_that_are_no_table(two, capsys, content):
    path = two / "t.csv"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    assert export(two, "own", "--key-table", str(path)) == 1
    assert f"--key-table {path}: " in capsys.readouterr().err


def test_what_the_refusal_tells_one_to_do(two, capsys):
    """To leave out the table, or to name the mask by its case."""
    table = keys(two, [("LUCID_0001", "test", "P1", SERIES)])
    assert export(two, "own", "--key-table", table) == 1
    assert export(two, "own") == 0
    (two / f"{CASE}.nii.gz").rename(two / "LUCID_0001.nii.gz")
    argv = ["export-dicom", str(two / "LUCID_0001.nii.gz"), str(two / "own"), str(two / "o"), "--key-table", table]
    assert main(argv) == 0


def provenance(folder, case=CASE, ct="own"):
    """What the conversion writes: the hash of the hashes of the slices, in ascending order of z."""
    slices = {float(pydicom.dcmread(path).ImagePositionPatient[2]): path for path in (folder / ct).iterdir()}
    hashes = [hashlib.sha256(slices[z].read_bytes()).hexdigest() for z in sorted(slices)]
    (folder / "provenance").mkdir(exist_ok=True)
    content = {"case": case, "sha256": {"CT": hashlib.sha256("".join(hashes).encode()).hexdigest()}}
    (folder / "provenance" / f"{case}.json").write_text(json.dumps(content))
    return str(folder / "provenance")


def test_provenance_tells_the_ct_by_its_files(two, capsys):
    folder = provenance(two)
    assert export(two, "other", "--provenance", folder) == 1
    assert f"case {CASE} was converted from other files than those of CT series {OTHER}" in capsys.readouterr().err
    assert export(two, "own", "--provenance", folder) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / f"{CASE}.json").unlink(), "no such file"),
        (lambda folder: (folder / f"{CASE}.json").write_text('{"sha256": {"PET": "1"}}'), "has no hash of a CT"),
        (lambda folder: (folder / f"{CASE}.json").write_text('{"sha256": 7}'), "has no hash of a CT"),
    ],
)
def test_provenance_that_does_not_tell(two, capsys, change, said):
    folder = provenance(two)
    change(two / "provenance")
    assert export(two, "own", "--provenance", folder) == 1
    assert said in capsys.readouterr().err


def test_ties_that_disagree(two, capsys):
    write_ct(two / "own", GRID, OTHER, lambda piece, k: setattr(piece, "StudyInstanceUID", "1.2.3.77"))
    table = keys(two, [(CASE, "test", "P1", SERIES)])
    assert export(two, "own", "--key-table", table, "--provenance", provenance(two, ct="other")) == 1
    assert "was converted from other files" in capsys.readouterr().err
