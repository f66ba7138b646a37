import pytest

from nnunet_cipa.cli import main


def test_phantom_then_convert(raw, tmp_path, capsys):
    out = tmp_path / "phantom"
    assert main(["phantom", "pclt20k", str(out), "--patients", "6", "--size", "64", "--slices", "5"]) == 0
    assert "6 patients" in capsys.readouterr().out
    argv = ["convert", "pclt20k", str(out), "--dataset-id", "7", "--name", "Try", "--processes", "1"]
    assert (
        main([*argv, "--intensity", "raw", "--spacing", "7.84", "7.84", "2.8", "--statistics", str(tmp_path / "s")])
        == 0
    )
    told = capsys.readouterr()
    assert "train: 5 cases" in told.out
    assert "test: 1 cases" in told.out
    assert str(raw / "Dataset007_Try") in told.out
    assert told.err == ""
    assert (tmp_path / "s" / "slices.csv").is_file()
    assert main(argv) == 1
    assert main([*argv, "--overwrite", "--seed", "3"]) == 0


def test_lucid_phantom_then_convert(raw, tmp_path, capsys):
    out = tmp_path / "phantom"
    argv = ["phantom", "lucid", str(out), "--format", "nifti", "--patients", "6", "--size", "64", "--slices", "16"]
    assert main(argv) == 0
    assert "6 patients of 16 slices" in capsys.readouterr().out
    argv = ["convert", "lucid", str(out), "--processes", "1"]
    assert main([*argv, "--hu-window", "-1000", "400", "--suv-range", "0", "10"]) == 0
    told = capsys.readouterr()
    assert "train: 5 cases, 80 slices in imagesTr" in told.out
    assert "test: 1 cases, 16 slices in imagesTs" in told.out
    assert str(raw / "Dataset702_LUCID") in told.out
    assert told.err == ""
    assert main(argv) == 1
    assert main([*argv, "--overwrite", "--roi", "GTV", "--intensity", "raw", "--seed", "3"]) == 0
    assert "with GTV" in capsys.readouterr().out
    assert main([*argv, "--overwrite", "--test-fraction", "0.2"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("nnunet-cipa: error: ")
    assert "test.txt" in line


def test_error_is_one_line_on_stderr(study, raw, capsys):
    study.path("0594_002", "PET").unlink()
    assert main(["convert", "pclt20k", str(study.root), "--processes", "1"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.strip().splitlines()
    assert line.startswith("nnunet-cipa: error: ")
    assert "0594_002_PET.png" in line


def test_unlisted_files_are_a_warning_on_stderr(study, raw, capsys):
    study.train.remove("0594_002")
    study.write_lists()
    assert main(["convert", "pclt20k", str(study.root), "--processes", "1"]) == 0
    assert "nnunet-cipa: warning: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["convert"],
        ["convert", "pclt20k"],
        ["convert", "other", "folder"],
        ["convert", "pclt20k", "folder", "--intensity", "hu"],
        ["convert", "pclt20k", "folder", "--spacing", "1", "1"],
        ["convert", "pclt20k", "folder", "--dataset-id", "x"],
        ["convert", "lucid", "folder", "--label", "ITV"],
        ["convert", "lucid", "folder", "--intensity", "paper"],
        ["convert", "lucid", "folder", "--suv-range", "20"],
        ["phantom", "lucid", "out", "--slices", "few"],
        ["phantom", "lucid", "out", "--format", "png"],
        ["phantom", "pclt20k"],
        ["phantom", "pclt20k", "out", "--size", "large"],
    ],
)
def test_wrong_command_line_ends_with_2(argv, capsys):
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    assert "usage: nnunet-cipa" in capsys.readouterr().err
