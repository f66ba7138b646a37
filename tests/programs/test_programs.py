"""Programs that start at once do what the installed ones do, and end as they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

INSTALLED = Path(sys.executable).parent


def run(program, *arguments, **options):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("words", [("nnunet-cipa", "weights"), ("nnUNetv2_train", "701")])
def test_they_print_and_end_as_the_installed_ones(programs, words):
    program, *arguments = words
    found, expected = (run(folder / program, *arguments) for folder in (programs, INSTALLED))
    assert found.returncode == expected.returncode == 2
    assert (found.stdout, found.stderr) == (expected.stdout, expected.stderr)


def test_they_run_in_the_callers_folder_with_its_variables(programs, tmp_path):
    done = run(
        programs / "nnunet-cipa",
        "phantom",
        "pclt20k",
        "made",
        "--patients",
        "2",
        "--slices",
        "3",
        "--size",
        "64",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made").is_dir()
    shown = run(programs / "nnunet-cipa", "doctor", env={**os.environ, "nnUNet_raw": str(tmp_path / "here")}).stdout
    assert str(tmp_path / "here") in shown


def test_a_variable_that_was_read_on_import_is_not_taken_otherwise(programs):
    done = run(programs / "nnunet-cipa", "--version", env={**os.environ, "nnUNet_def_n_proc": "3"})
    assert done.returncode == 1
    assert "nnUNet_def_n_proc is 3 and was 1 on import" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_ends_with_its_workers_when_it_is_told(programs, tmp_path, number):
    words = ["phantom", "pclt20k", tmp_path / "made", "--patients", "400", "--size", "256", "--processes", "2"]
    process = subprocess.Popen([programs / "nnunet-cipa", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=60) == -number
    process.communicate(timeout=60)  # to the end of what the program and its workers print
