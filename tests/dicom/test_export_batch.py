"""A folder of predictions back to a tree of studies."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from tests.dicom.ct_series import write_ct
from tests.dicom.export_study import GRID, mask_on

UIDS = {f"LUNG_{n:03d}": f"1.2.3.{n}.7" for n in (1, 2, 3)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three patients in one tree on one grid; their masks; the key table."""
    root = tmp_path_factory.mktemp("batch")
    (root / "predictions").mkdir()
    for number, (case, uid) in enumerate(UIDS.items(), 1):
        ids = {
            "PatientID": f"P{number}",
            "StudyInstanceUID": f"1.2.3.{number}",
            "FrameOfReferenceUID": f"1.2.3.{number}.9",
        }

        def identify(piece, k, ids=ids):
            for keyword, value in ids.items():
                setattr(piece, keyword, value)

        write_ct(root / "studies" / "export" / f"patient{number}" / "CT", GRID, uid, identify)
        sitk.WriteImage(mask_on(GRID), root / "predictions" / f"{case}.nii.gz")
    (root / "predictions" / "plans.json").write_text("{}")
    (root / "predictions" / ".hidden.nii.gz").write_bytes(b"x")
    table = "\n".join(["case,patient_id,ct_series_uid", *(f"{case},P{case[-1]},{uid}" for case, uid in UIDS.items())])
    (root / "keys.csv").write_text(table)
    return root


def run(made, out, *options, predictions=None):
    places = (predictions or made / "predictions", made / "studies", out)
    return main(["export-dicom", *map(str, places), "--key-table", str(made / "keys.csv"), *options])


def written(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_each_case_goes_to_its_own_patient(made, tmp_path, capsys):
    assert run(made, tmp_path / "out", "--seg") == 0
    assert written(tmp_path / "out") == {f"{case}/{name}.dcm" for case in UIDS for name in ("rtstruct", "seg")}
    for case in UIDS:
        objects = [pydicom.dcmread(tmp_path / "out" / case / f"{name}.dcm") for name in ("rtstruct", "seg")]
        assert {one.PatientID for one in objects} == {f"P{int(case[-3:])}"}
        assert {one.StudyInstanceUID for one in objects} == {f"1.2.3.{int(case[-3:])}"}
    assert capsys.readouterr().out.count("written: ") == 6


def test_a_case_that_fails_does_not_stop_the_others_and_is_done_next_time(made, tmp_path, capsys):
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    for case in UIDS:
        sitk.WriteImage(mask_on(GRID), predictions / f"{case}.nii.gz")
    damaged = predictions / "LUNG_002.nii.gz"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-9])
    out = tmp_path / "out"
    assert run(made, out, predictions=predictions) == 1
    told = capsys.readouterr().err
    assert f"case LUNG_002: {damaged}: cannot be read to its end" in told
    assert "2 cases are exported, 1 failed, as told above" in told
    assert written(out) == {"LUNG_001/rtstruct.dcm", "LUNG_003/rtstruct.dcm"}
    before = (out / "LUNG_001" / "rtstruct.dcm").read_bytes()
    damaged.write_bytes(whole)
    assert run(made, out, predictions=predictions) == 0
    assert f"there already: {out / 'LUNG_001' / 'rtstruct.dcm'}" in capsys.readouterr().out
    assert written(out) == {f"{case}/rtstruct.dcm" for case in UIDS}
    assert (out / "LUNG_001" / "rtstruct.dcm").read_bytes() == before
    # What is missing of a case that is there
    assert run(made, out, "--seg", predictions=predictions) == 0
    assert (out / "LUNG_001" / "seg.dcm").is_file()
    assert (out / "LUNG_001" / "rtstruct.dcm").read_bytes() == before
    assert run(made, out, "--overwrite", predictions=predictions) == 0
    assert (out / "LUNG_001" / "rtstruct.dcm").read_bytes() != before


def test_a_case_without_tumour_is_one_of_them(made, tmp_path, capsys):
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    sitk.WriteImage(mask_on(GRID), predictions / "LUNG_001.nii.gz")
    sitk.WriteImage(mask_on(GRID, 0), predictions / "LUNG_003.nii.gz")
    assert run(made, tmp_path / "out", "--seg", predictions=predictions) == 0
    assert "LUNG_003.nii.gz: no voxel for ROI nnunet_cipa, which is written without contours" in capsys.readouterr().out
    drawn = pydicom.dcmread(tmp_path / "out" / "LUNG_003" / "rtstruct.dcm")
    assert [roi.ROIName for roi in drawn.StructureSetROISequence] == ["nnunet_cipa"]
    assert "ContourSequence" not in drawn.ROIContourSequence[0]
    segmented = pydicom.dcmread(tmp_path / "out" / "LUNG_003" / "seg.dcm")
    assert not np.frombuffer(segmented.PixelData, dtype=np.uint8).any()


def test_cases_of_nobody_and_cases_twice(made, tmp_path, capsys):
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    for name in ("LUNG_001.nii.gz", "LUNG_002.nii.gz", "LUNG_002.nii", "LUNG_009.nii.gz"):
        sitk.WriteImage(mask_on(GRID), predictions / name)
    (predictions / "LUNG_003.nii.gz").mkdir()
    assert run(made, tmp_path / "out", predictions=predictions) == 1
    told = capsys.readouterr().err
    assert f"case LUNG_009: {made / 'keys.csv'}: has no case LUNG_009" in told
    assert "case LUNG_002 has 2 masks; keep one of them" in told
    assert f"case LUNG_003: {predictions / 'LUNG_003.nii.gz'}: " in told
    assert "1 cases are exported, 4 failed" in told
    assert written(tmp_path / "out") == {"LUNG_001/rtstruct.dcm"}


def test_a_damaged_file_somewhere_in_the_tree_is_told_and_stops_nobody(made, tmp_path, capsys):
    bad = made / "studies" / "bad.dcm"
    bad.write_bytes(b"x")
    try:
        assert run(made, tmp_path / "out") == 0
    finally:
        bad.unlink()
    assert f"nnunet-cipa: warning: {bad}: cannot be read as DICOM" in capsys.readouterr().err
    assert len(written(tmp_path / "out")) == 3


@pytest.mark.parametrize(
    ("options", "out", "said"),
    [
        (("--series", "1.2"), "out", "each case has its own CT"),
        ((), "out.dcm", "so OUT is one, too"),
    ],
)
def test_command_lines_that_fit_no_folder(made, tmp_path, capsys, options, out, said):
    with pytest.raises(SystemExit) as ended:
        run(made, tmp_path / out, *options)
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_folder_needs_a_table(made, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export-dicom", *map(str, (made / "predictions", made / "studies", tmp_path / "out"))])
    assert ended.value.code == 2
    assert "give --key-table FILE" in " ".join(capsys.readouterr().err.split())


def test_a_folder_without_masks(made, tmp_path, capsys):
    assert run(made, tmp_path / "out", predictions=made / "studies") == 1
    assert "holds no mask that ends in .nii.gz or .nii" in capsys.readouterr().err
