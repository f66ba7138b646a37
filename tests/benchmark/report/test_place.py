"""Processes of ``benchmark report`` at one folder: two at once, interrupted, killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnunet_cipa.benchmark.report import make_report
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.report.write import write_report

ROOT = Path(__file__).parents[2]
# Imported by every process first: whoever opens a file of the name in HALT waits until there is a file "go".
HALT = """\
import os, sys, time
from pathlib import Path

folder, name = Path(os.environ["HALT_FOLDER"]), os.environ["HALT"]

def wait(event, arguments):
    if event == "open" and str(arguments[0]).endswith(name) and not (folder / "go").exists():
        (folder / f"halted_{os.getpid()}").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)

sys.addaudithook(wait)
"""


class Reports:
    """Starts processes that make a report of a cross-validation and halt at a file."""

    def __init__(self, folder, made):
        self.folder, self.made = folder, made
        self.out = folder / "below" / "report"
        (folder / "sitecustomize.py").write_text(HALT)
        self.processes = []

    def start(self, halt="nothing", processes=1):
        models = ["exact__nnUNetPlans__2d", "shifted__nnUNetPlans__2d"]
        options = ["--resamples", "99", "--no-audit", "--processes", str(processes), "--trainers", *models]
        roots = {name: str(self.made.root / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
        variables = {"PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]), "HALT_FOLDER": str(self.folder)}
        process = subprocess.Popen(
            [sys.executable, "-m", "nnunet_cipa", "benchmark", "report", "701", "--out", self.out, *options],
            env={**os.environ, **roots, **variables, "HALT": halt},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def wait_until(self, condition, seconds=240):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.02)

    def halted(self):
        return [int(path.name.partition("_")[2]) for path in self.folder.glob("halted_*")]

    def go(self):
        (self.folder / "go").touch()

    def left(self):
        return sorted(path.name for path in self.out.parent.iterdir())


@pytest.fixture
def reports(tmp_path, made):
    found = Reports(tmp_path, made)
    yield found
    found.go()
    for process in found.processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_of_two_that_start_at_once_one_works_and_the_other_is_refused(reports):
    processes = [reports.start("case00.nii.gz") for _ in range(2)]
    reports.wait_until(lambda: any(process.poll() is not None for process in processes))
    (refused,) = [process for process in processes if process.poll() is not None]
    (winner,) = set(processes) - {refused}
    assert refused.returncode == 1
    out, errors = refused.communicate()
    told = f"{reports.out}: another report is being written there; wait for it to end, or choose another folder"
    assert (out, errors) == ("", f"nnunet-cipa: error: {told}\n")
    reports.wait_until(reports.halted)
    assert reports.halted() == [winner.pid]
    assert not reports.out.exists()
    reports.go()
    assert winner.communicate(timeout=240)[0] == f"{reports.out / 'index.html'}\n"
    assert reports.left() == ["report"]
    assert len(json.loads((reports.out / "report.json").read_text())["cases"]) == 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("halt", ["case00.nii.gz", "cases.csv"], ids=["scoring", "writing"])
def test_an_interrupt_ends_the_workers_and_leaves_nothing(reports, halt):
    process = reports.start(halt, processes=2)
    reports.wait_until(reports.halted)
    workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert (reports.halted() == [process.pid]) == (halt == "cases.csv")
    process.send_signal(signal.SIGINT)
    reports.go()
    assert process.communicate(timeout=240)[1].splitlines()[-1] == "nnunet-cipa: error: interrupted"
    assert process.returncode == 1
    assert reports.left() == []
    reports.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


@pytest.mark.slow
def test_what_a_kill_leaves_is_hidden_and_the_next_report_removes_it(reports):
    process = reports.start("cases.csv")
    reports.wait_until(reports.halted)
    process.kill()
    process.wait()
    assert reports.left() == [".report.lock", ".report.part"]
    reports.go()
    again = reports.start()
    assert again.communicate(timeout=240)[1] == ""
    assert again.returncode == 0
    assert reports.left() == ["report"]


def test_a_place_that_is_taken_is_told_before_anything_is_scored(request_for, tmp_path):
    with pytest.raises(CIPAError, match="exists; remove it or choose another folder for the report"):
        make_report(request_for(models=()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_nothing(request_for, tmp_path):
    with pytest.raises(CIPAError, match="no model to score"):
        make_report(request_for(models=()), tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_reports_beside_each_other(report, tmp_path):
    for name in ("report", "report.part"):
        write_report(report, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "report.part"]
