"""docs/development.md, "Add a subcommand", followed: the two files that it tells to write, and a name in COMMANDS."""

import subprocess
import sys
from importlib import import_module

import pytest

from nnunet_cipa import cli, evaluation
from nnunet_cipa.cli import main
from nnunet_cipa.files.nifti_stream import NiftiStream
from tests.recipes.documented import files_of

PACKAGES = {"cli": cli, "evaluation": evaluation}
NEW = ("nnunet_cipa.cli.volumes", "nnunet_cipa.evaluation.volume_options")


@pytest.fixture(autouse=True)
def command(tmp_path, monkeypatch):
    files = files_of("Add a subcommand")
    assert [path.removesuffix(".py").replace("/", ".") for path in files] == [NEW[1], NEW[0]]
    for path, content in files.items():
        place = tmp_path / path.removeprefix("nnunet_cipa/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    for name, package in PACKAGES.items():
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / name)])
    module = import_module(NEW[0])
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, module.COMMAND))
    yield
    for name in NEW:
        del sys.modules[name]


@pytest.fixture
def masks(tmp_path):
    """Masks of 1 and 2 of their voxels of 2 x 3 x 4 mm."""
    import numpy as np

    paths = []
    for name, count in (("a", 1), ("b", 2)):
        mask = np.zeros((2, 2, 2), np.uint8)
        mask.flat[:count] = 1
        paths.append(tmp_path / f"{name}.nii.gz")
        with NiftiStream(paths[-1], mask.shape, (2.0, 3.0, 4.0), mask.dtype, (0.0, 0.0, 0.0)) as stream:
            stream.write_all(mask)
    return [str(path) for path in paths]


def test_it_runs_with_its_defaults_and_options(masks, capsys):
    assert main(["volumes", *masks]) == 0
    assert capsys.readouterr().out == "a.nii.gz: 0.0 ml\nb.nii.gz: 0.0 ml\n"
    assert main(["volumes", *masks, "--digits", "3", "--largest-first"]) == 0
    assert capsys.readouterr().out == "b.nii.gz: 0.048 ml\na.nii.gz: 0.024 ml\n"


def test_its_help_says_what_the_docstrings_say(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["volumes", "--help"])
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for told in (
        "usage: nnunet-cipa volumes [-h] [--digits N] [--largest-first] [--debug] MASK [MASK ...]",
        "Print the volumes of some masks in ml.",
        "MASK NIfTI files of 0 and 1",
        "--digits N Digits after the point (default: 1)",
        "--largest-first Sort the cases by their volume, not by their names",
    ):
        assert told in shown


@pytest.mark.parametrize("value", ["-1", "7", "x"])
def test_a_value_out_of_bounds_ends_with_2(value, masks, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["volumes", *masks, "--digits", value])
    assert stop.value.code == 2
    assert f"argument --digits: {value} is not an integer from 0 to 6" in capsys.readouterr().err


def test_a_file_that_is_missing_ends_with_1(tmp_path, capsys):
    assert main(["volumes", str(tmp_path / "missing.nii.gz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nnunet-cipa: error: ")
    assert "missing.nii.gz" in line


def test_the_options_import_nothing_heavy(tmp_path):
    code = (
        f"import sys\nfrom nnunet_cipa import cli, evaluation\ncli.__path__.append({str(tmp_path / 'cli')!r})\n"
        f"evaluation.__path__.append({str(tmp_path / 'evaluation')!r})\nimport nnunet_cipa.cli.volumes\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'SimpleITK'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
