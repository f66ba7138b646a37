import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nnunet_cipa import __version__
from nnunet_cipa.cli import main
from nnunet_cipa.plugin import plugin_path

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "nnunet_cipa", *arguments], capture_output=True, text=True, check=False
    )


def test_module_and_version():
    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"nnunet-cipa {__version__}")


def test_plugin_path_prints_one_directory_and_nothing_else(capsys):
    assert main(["plugin-path"]) == 0
    assert capsys.readouterr().out == f"{plugin_path()}\n"
    assert [p.name for p in plugin_path().glob("*.py")] == ["nnunet_cipa_trainers.py"]


@pytest.mark.parametrize("arguments", [(), ("no-such-command",), ("weights",), ("doctor", "--no-such-option")])
def test_wrong_command_line_ends_with_2(arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


@pytest.mark.parametrize(
    "command",
    ["plugin-path", "doctor", "phantom", "convert", "weights", "benchmark", "export-dicom", "demo"],
)
def test_help_on_each_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: nnunet-cipa {command}")


def test_error_is_one_line_without_a_traceback(tmp_path, capsys):
    assert main(["weights", "import", str(tmp_path / "missing.pth"), str(tmp_path / "out.pth")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("nnunet-cipa: error: ")
    assert "missing.pth" in lines[0]


def test_debug_adds_the_traceback(tmp_path, capsys):
    assert main(["weights", "import", str(tmp_path / "missing.pth"), str(tmp_path / "out.pth"), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_sigterm_ends_a_command_as_ctrl_c_does(monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.doctor.examine", lambda: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "nnunet-cipa: error: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_heavy_packages_are_not_imported_for_help():
    heavy = "{'torch', 'numba', 'nnunetv2', 'scipy', 'SimpleITK', 'matplotlib', 'pydicom'}"
    code = f"import sys, nnunet_cipa.cli as c; c.build_parser(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_accelerators_are_never_imported_at_top_level():
    code = (
        "import sys, pkgutil, importlib, nnunet_cipa\n"
        "for m in pkgutil.walk_packages(nnunet_cipa.__path__, 'nnunet_cipa.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('mamba_ssm', 'causal_conv1d')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.slow
def test_wheel_holds_every_module_and_data_file(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "nnunet_cipa").rglob("*")
        if p.suffix in {".py", ".pyi", ".html"}
    }
    expected |= {
        f"nnunet_cipa/{p.relative_to(ROOT).as_posix()}"
        for p in (ROOT / "dataset_conversion").rglob("*.py*")
        if "__pycache__" not in p.parts
    }
    assert expected | {"nnunet_cipa/py.typed"} <= packed
    assert all(name.startswith(("nnunet_cipa/", "nnunet_cipa-")) for name in packed)
