"""What export-dicom refuses, in one line and with nothing written."""

import re
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from tests.dicom.ct_series import SERIES, write_ct
from tests.dicom.export_study import GRID, OTHER, mask_on, write_damaged
from tests.dicom.geometry import make_grid


def refused(study, capsys, *options, out="out"):
    """The one line on stderr; the folder is as it was."""
    before = sorted(study.rglob("*"))
    argv = ["export-dicom", str(study / "mask.nii.gz"), str(study / "ct"), str(study / out)]
    assert main([*argv, *options]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.strip().splitlines()
    assert line.startswith("nnunet-cipa: error: ")
    assert sorted(study.rglob("*")) == before
    return line


def test_command_line(study, capsys):
    argv = ["export-dicom", str(study / "mask.nii.gz"), str(study / "ct"), str(study / "new" / "out")]
    assert main([*argv, "--seg", "--roi-name", "IGTV", "--label", "1", "--series", SERIES]) == 0
    files = [study / "new" / "out" / name for name in ("rtstruct.dcm", "seg.dcm")]
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"written: {path}" for path in files]
    (warning,) = told.err.splitlines()
    assert (
        f"mask.nii.gz: nothing tells that it belongs to CT series {SERIES} of PatientID P1; give --key-table" in warning
    )
    assert sorted((study / "new" / "out").iterdir()) == files
    assert pydicom.dcmread(files[0]).StructureSetROISequence[0].ROIName == "IGTV"
    before = files[0].read_bytes()
    assert str(files[0]) in refused(study, capsys, out="new/out")
    assert files[0].read_bytes() == before
    assert main([*argv, "--overwrite"]) == 0
    assert files[0].read_bytes() != before


def test_files_that_are_left_out_of_the_ct_are_told(study, capsys):
    path = min((study / "ct").iterdir())
    (study / "ct" / "again.dcm").write_bytes(path.read_bytes())
    argv = ["export-dicom", str(study / "mask.nii.gz"), str(study / "ct"), str(study / "out")]
    assert main(argv) == 0
    assert f"CT series {SERIES}: 1 file more, byte for byte the same" in capsys.readouterr().err


def grid(size=(16, 14, 5), spacing=(1.0, 1.5, 3.0), direction="axial", shift=(0, 0, 0)):
    return make_grid(size, spacing, direction, origin=np.add(GRID.GetOrigin(), shift).tolist())


@pytest.mark.parametrize(
    "other",
    [
        grid(spacing=(1.0, 1.5, 3.1)),
        grid(spacing=(1.5, 1.0, 3.0)),
        grid(shift=(0.5, 0, 0)),
        grid(shift=(0, 0, 1.5)),
        grid(shift=(1, 0, 0)),
        grid(shift=(0, 0, -3)),
        grid(size=(16, 14, 6)),
        grid(direction="tilted"),
        grid(direction="axial, prone"),
    ],
)
def test_masks_on_another_grid_are_refused_with_both_geometries(study, capsys, other):
    sitk.WriteImage(mask_on(other), study / "mask.nii.gz")
    line = refused(study, capsys)
    size = " x ".join(map(str, other.GetSize()))
    assert f"mask.nii.gz: its voxels are not those of the CT: {size} voxels" in line
    assert (
        "the CT has 16 x 14 x 5 voxels of 1.0000 x 1.5000 x 3.0000 mm from (-20.50, 13.25, -300.00) along LPS" in line
    )


def write_image(image):
    return lambda study: sitk.WriteImage(image, study / "mask.nii.gz")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (write_image(mask_on(GRID, 3)), (), "mask.nii.gz: no voxel has label 1, .*it holds 0, 3"),
        (lambda study: None, ("--label", "2"), "no voxel has label 2, .*it holds 0, 1;"),
        (lambda study: None, ("--label", "0"), "--label 0: 0 is the background"),
        (write_image(mask_on(GRID, 0.7, np.float32)), (), "mask.nii.gz: holds values between whole numbers"),
        (write_image(sitk.JoinSeries([mask_on(GRID)] * 2)), (), "mask.nii.gz: has 4 dimensions"),
        (write_damaged, (), "mask.nii.gz: cannot be read to its end"),
        (lambda study: (study / "mask.nii.gz").unlink(), (), "mask.nii.gz"),
        (lambda study: None, ("--roi-name", ""), "--roi-name '': give 1 to 64"),
        (lambda study: None, ("--roi-name", "a\\b"), "--roi-name"),
        (lambda study: None, ("--roi-name", "Läsion"), "--roi-name 'Läsion'"),
        (lambda study: None, ("--roi-name", "x" * 65), "--roi-name"),
        (lambda study: None, ("--series", "1.9"), f"ct: no CT series 1.9; there is: {SERIES}"),
        (
            lambda study: write_ct(study / "ct", GRID, OTHER),
            (),
            f"ct: 2 CT series; choose one with --series: {SERIES} .*{OTHER}",
        ),
        (lambda study: next((study / "ct").glob("014*")).unlink(), (), "slices are missing"),
        (lambda study: (study / "ct" / "bad.dcm").write_bytes(b"x"), (), "bad.dcm: cannot be read as DICOM"),
        (lambda study: (study / "out").write_text("x"), (), "out: is a file whose name does not end in .dcm"),
    ],
)
def test_refusals(study, capsys, change, options, said):
    change(study)
    line = refused(study, capsys, *options)
    assert re.search(said, line), line


def test_a_folder_without_ct(study, capsys):
    for path in (study / "ct").iterdir():
        path.unlink()
    assert "ct: no CT series" in refused(study, capsys)


def test_one_of_two_series(study, capsys):
    write_ct(study / "ct", grid(shift=(7, 0, 0)), OTHER)
    argv = ["export-dicom", str(study / "mask.nii.gz"), str(study / "ct"), str(study / "a.dcm"), "--series", SERIES]
    assert main(argv) == 0
    references = pydicom.dcmread(study / "a.dcm").ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    assert references[0].RTReferencedSeriesSequence[0].SeriesInstanceUID == SERIES


def test_inputs_are_not_overwritten(study, capsys):
    target = next((study / "ct").iterdir())
    before = target.read_bytes()
    assert "is an input of the export" in refused(study, capsys, "--overwrite", out=f"ct/{target.name}")
    assert target.read_bytes() == before


def test_a_folder_that_is_named_like_a_file(study, capsys):
    (study / "x.dcm").mkdir()
    assert "x.dcm: is a folder" in refused(study, capsys, "--overwrite", out="x.dcm")


def with_one_of_two(study, capsys):
    """What is said when the SEG fails: the structure set is there, and whole."""
    argv = ["export-dicom", str(study / "mask.nii.gz"), str(study / "ct"), str(study / "out"), "--seg"]
    assert main(argv) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"written: {study / 'out' / 'rtstruct.dcm'}"]
    assert [path.name for path in (study / "out").iterdir()] == ["rtstruct.dcm"]
    assert len(pydicom.dcmread(study / "out" / "rtstruct.dcm").ROIContourSequence[0].ContourSequence) == 2
    line = told.err.splitlines()[-1]
    assert f"nnunet-cipa: error: {study / 'out' / 'seg.dcm'}: was not written: " in line
    return line


def test_a_second_file_that_cannot_be_written_leaves_the_first(study, capsys, monkeypatch):
    save = pydicom.Dataset.save_as

    def full(self, path, **options):
        if self.Modality == "SEG":
            raise OSError(28, "No space left on device")
        save(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", full)
    assert "No space left on device" in with_one_of_two(study, capsys)


def test_a_missing_highdicom_is_told(study, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert "--seg needs highdicom" in with_one_of_two(study, capsys)
