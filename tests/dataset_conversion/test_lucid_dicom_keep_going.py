"""--keep-going converts the patients who are in order, and tells who is not."""

import csv
import json

import numpy as np
import pydicom
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.options import Form
from nnunet_cipa.dataset_conversion.study_set.damage import attribute_problems
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import IDS, cases, drawn, link_tree, provenance, values, whose, written

KEEP_GOING = {"keep_going": True, "storage": Storage(Intensity.RAW), "processes": 1}


def damaged_file(export):
    (export.folder(3) / "slice.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00")
    return "slice.dcm: cannot be read as DICOM"


def damaged_file_above(export):
    (export.folder(3) / "CT").mkdir()
    for path in sorted(export.folder(3).iterdir()):
        if path.is_file():
            path.rename(path.with_name("CT") / path.name)
    (export.folder(3) / "structures.dcm").write_bytes(b"")
    return "structures.dcm: cannot be read as DICOM (it is empty)"


def damaged_file_in_a_folder_of_its_own(export):
    (export.folder(3) / "RT").mkdir()
    (export.folder(3) / "RT" / "new.dcm").write_bytes(b"x" * 500)
    return "new.dcm: cannot be read as DICOM"


def no_weight(export):
    export.edit(3, "PET AC", lambda dataset: delattr(dataset, "PatientWeight"))
    return "PatientWeight is missing"


def no_body(export):
    """Seen only by --crop: nothing but air in the CT."""

    def empty(dataset):
        dataset.PixelData = bytes(len(dataset.PixelData))

    export.edit(3, "CT", empty)
    return "has no body to crop to"


@pytest.mark.parametrize(
    "damage",
    [damaged_file, damaged_file_above, damaged_file_in_a_folder_of_its_own, no_weight, no_body],
)
def test_the_others_are_converted_and_the_failed_one_is_told(export, raw, tmp_path, left_in, capsys, damage):
    export.hold_nobody_out()
    told = damage(export)
    table = tmp_path / "keys.csv"
    argv = ["convert", "lucid", str(export.root), "--crop", "--processes", "1", "--key-table", str(table)]
    assert main(argv) == 1
    assert told in capsys.readouterr().err
    assert left_in(raw) == []
    assert not table.exists()

    assert main([*argv, "--keep-going"]) == 1
    out, err = capsys.readouterr()
    failed, error = [line for line in err.splitlines() if "patient" in line and "/patient" not in line]
    assert failed.startswith("patient PHANTOM-0003 was not converted: ")
    assert told in failed
    assert error == (
        "nnunet-cipa: error: 5 patients were converted, 1 failed, as told above; correct them and convert again with "
        "--overwrite"
    )
    assert "train: 5 cases" in out
    assert "Traceback" not in err
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["patient_id"] for row in rows} == {*IDS} - {"PHANTOM-0003"}
    folder = raw / "Dataset702_LUCID"
    assert [row["case"] for row in rows] == cases(folder)
    assert provenance(folder, "_dataset")["patients_not_converted"] == 1
    splits = json.loads((folder / "splits_final.json").read_text())
    assert sorted(case for fold in splits for case in fold["val"]) == cases(folder)


def test_names_of_the_others_are_those_that_they_have_without_the_failure(phantoms, export, raw):
    export.hold_nobody_out()
    no_weight(export)
    whole = convert_lucid(phantoms[Form.DICOM], Options(dataset_id=1, **KEEP_GOING)).folder
    conversion = convert_lucid(export.root, Options(dataset_id=2, **KEEP_GOING))
    assert [failure.patient for failure in conversion.failures] == ["PHANTOM-0003"]
    assert len(cases(conversion.folder)) == 5
    for case in cases(conversion.folder):
        assert whose(conversion.folder, case) == whose(whole, case)
        found = values(written(conversion.folder, case, "mask"))
        np.testing.assert_array_equal(found, drawn(whose(whole, case) - 1).igtv)


def test_files_of_nobody_are_a_failure_of_their_own(export, raw):
    """A damaged file in a folder that no patient has files in, and files without a PatientID."""
    export.hold_nobody_out()
    (export.root / "lost").mkdir()
    (export.root / "lost" / "x.dcm").write_bytes(b"x")
    for path in sorted(export.folder(6).iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = " "
        path.unlink()
        dataset.save_as(path)
    with pytest.raises(CIPAError, match=r"^2 problems, nothing was written: patient unknown: .*; patient unknown: "):
        convert_lucid(export.root, Options(processes=1))
    conversion = convert_lucid(export.root, Options(**KEEP_GOING))
    (failure,) = conversion.failures
    assert failure.patient == "unknown"
    damaged, nameless = failure.problems
    assert "lost/x.dcm: cannot be read as DICOM" in damaged
    assert "has no PatientID" in nameless
    assert len(conversion.cases) == 5


def test_four_that_are_left_are_converted_into_as_many_folds(export, raw):
    no_weight(export)
    conversion = convert_lucid(export.root, Options(**KEEP_GOING))
    assert [failure.patient for failure in conversion.failures] == ["PHANTOM-0003"]
    assert len(conversion.part("train")) == 4
    assert len(json.loads((conversion.folder / "splits_final.json").read_text())) == 4


def test_nobody_in_order_is_an_error(export, raw, left_in):
    with pytest.raises(CIPAError, match=r"no ROI matches --roi 'lung'"):
        convert_lucid(export.root, Options(pattern="lung", **KEEP_GOING))
    assert left_in(raw) == []


def test_nifti_goes_on_too(phantoms, raw, tmp_path, capsys):
    source = link_tree(phantoms[Form.NIFTI], tmp_path / "nifti")
    (source / "test.txt").unlink()
    (source / "0003" / "PET.nii.gz").unlink()
    assert main(["convert", "lucid", str(source), "--processes", "1", "--keep-going"]) == 1
    assert "patient 0003 was not converted: " in capsys.readouterr().err
    assert cases(raw / "Dataset702_LUCID") == ["0001", "0002", "0004", "0005", "0006"]


def test_many_problems_of_a_patient_are_told_shortly(phantoms, raw, tmp_path, capsys):
    source = link_tree(phantoms[Form.NIFTI], tmp_path / "nifti")
    (source / "test.txt").unlink()
    for number in range(300):
        (source / "0003" / f"{number}.png").write_bytes(b"x")
    assert main(["convert", "lucid", str(source), "--processes", "1", "--keep-going"]) == 1
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("patient 0003")]
    assert told.count(".png") == 5
    assert told.endswith("; and 295 more")


def test_damage_is_of_those_whose_files_are_nearest(tmp_path):
    files = {"A": [tmp_path / "A/CT/1", tmp_path / "both/2"], "B": [tmp_path / "B/3", tmp_path / "both/4"]}
    bad = {
        tmp_path / path: path for path in ("A/CT/x", "A/RT/x", "A/x", "B/deep/er/x", "both/x", "both/sub/x", "x", "C/x")
    }
    found = attribute_problems(tmp_path, bad, files)
    assert found == {
        "A": ["A/CT/x", "A/RT/x", "A/x", "both/x", "both/sub/x"],
        "B": ["B/deep/er/x", "both/x", "both/sub/x"],
        None: ["x", "C/x"],
    }
