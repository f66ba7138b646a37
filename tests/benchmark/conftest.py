"""A planned data set without data, and an nnUNetv2_train that writes what the real one leaves, or fails."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnunet_cipa.cli import main

ROOT = Path(__file__).parents[2]
DATASET = "Dataset701_Phantom"
CASES = ["0001", "0002", "0003"]
ARCHITECTURE = {"network_class_name": "PlainConvUNet", "arch_kwargs": {}, "_kw_requires_import": []}
TRAIN = """\
import json, os, sys, time, zipfile
from pathlib import Path

dataset, configuration, fold, *rest = sys.argv[1:]
options = dict(zip(rest, [*rest[1:], ""]))
name = f"{options['-tr']}__{options['-p']}__{configuration}"
variables = {k: v for k, v in os.environ.items() if k.startswith(("nnUNet_", "NNUNET_", "CUDA_", "OMP_"))}
call = {"words": sys.argv[1:], "variables": variables, "start": time.time(), "pid": os.getpid()}
calls = Path(os.environ["FAKE"])
with (calls / "calls").open("a") as file:
    file.write(json.dumps(call) + "\\n")
folder = Path(os.environ["nnUNet_results"], dataset, name, f"fold_{fold}")
(folder / "validation").mkdir(parents=True, exist_ok=True)

def checkpoint(kind):
    with zipfile.ZipFile(folder / f"checkpoint_{kind}.pth", "w") as file:
        file.writestr("weights", kind)

print("training", *sys.argv[1:], flush=True)
for line in (calls / "behaviour").read_text().splitlines():
    where, what = line.split()
    if where not in (f"{options['-tr']}/{fold}", f"*/{fold}", "*"):
        continue
    if what == "fail":
        print("RuntimeError: no memory")
        sys.exit(3)
    if what == "fail-after-latest" and "--c" not in rest:
        checkpoint("latest")
        sys.exit(3)
    if what == "fail-in-validation" and "--val" not in rest:
        checkpoint("final")
        sys.exit(3)
    if what == "say-nothing-left":
        sys.exit(0)
    if what == "latest-then-hang":
        checkpoint("latest")
    if what == "hang" or (what == "latest-then-hang" and "--c" not in rest):
        import subprocess
        worker = subprocess.Popen(["sleep", "300"])
        (calls / f"hangs_{fold}").write_text(f"{os.getpid()} {worker.pid}")
        worker.wait()
    if what == "slow":
        time.sleep(0.5)
    while what == "wait" and not (calls / "go").exists():
        time.sleep(0.05)
if "--val" not in rest:
    checkpoint("final")
(folder / "validation" / "summary.json").write_text("{}")
(folder / "checkpoint_latest.pth").unlink(missing_ok=True)
"""
ADAPT = """\
import os, sys
from pathlib import Path

with Path(os.environ["FAKE"], "adapted").open("a") as file:
    print(*sys.argv[1:], file=file)
if "broken" in sys.argv[3]:
    sys.exit("broken: is not a checkpoint")
Path(sys.argv[4]).write_text("adapted")
"""


class Fake:
    """nnU-Net's folders, the programs, what was called, and how the next calls behave."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.preprocessed = folder / "nnUNet_preprocessed" / DATASET
        self.results = folder / "nnUNet_results"
        self.out = self.results / "benchmarks" / DATASET
        self.behave()
        self.program("nnUNetv2_train", TRAIN)
        self.program("nnunet-cipa", ADAPT)
        self.preprocessed.mkdir(parents=True)
        self.results.mkdir()
        self.plan()
        splits = [{"train": [c for c in CASES if c != case], "val": [case]} for case in CASES]
        self.write("splits_final.json", splits)
        names = {"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "GTV": 1}, "numTraining": 3}
        self.write("dataset.json", {**names, "file_ending": ".nii.gz"})

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f"#!{sys.executable} -S\n{text}")
        path.chmod(0o755)

    def write(self, name, content):
        (self.preprocessed / name).write_text(json.dumps(content))

    def plan(self, plans="nnUNetPlans", batch_size=12):
        common = {"preprocessor_name": "DefaultPreprocessor", "architecture": ARCHITECTURE, "batch_dice": True}
        flat = {**common, "batch_size": batch_size, "patch_size": [80, 64], "spacing": [1.0, 1.0]}
        deep = {**common, "batch_size": 2, "patch_size": [16, 80, 64], "spacing": [2.8, 1.0, 1.0]}
        configurations = {"2d": {**flat, "data_identifier": "nnUNetPlans_2d"},
                          "3d_fullres": {**deep, "data_identifier": "nnUNetPlans_3d_fullres"}}  # fmt: skip
        content = {"dataset_name": DATASET, "plans_name": plans, "transpose_forward": [0, 1, 2]}
        self.write(f"{plans}.json", {**content, "label_manager": "LabelManager", "configurations": configurations})
        for configuration in configurations:
            folder = self.preprocessed / f"nnUNetPlans_{configuration}"
            folder.mkdir(exist_ok=True)
            for case in CASES:
                (folder / f"{case}.b2nd").touch()

    def behave(self, *lines):
        (self.folder / "behaviour").write_text("\n".join(lines))

    def calls(self):
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def words(self):
        return [" ".join(call["words"]) for call in self.calls()]

    def forget(self):
        (self.folder / "calls").unlink(missing_ok=True)

    def fold(self, fold, trainer="nnUNetTrainer_218x250", results=None):
        return (results or self.out / "nnUNet_results") / DATASET / f"{trainer}__nnUNetPlans__2d" / f"fold_{fold}"

    def run(self, *arguments, trainers=("nnUNetTrainer",), folds=(0, 1), device="cpu"):
        return main(self.arguments(*arguments, trainers=trainers, folds=folds, device=device))

    def arguments(self, *arguments, trainers=("nnUNetTrainer",), folds=(0, 1), device="cpu"):
        chosen = ["--trainers", *map(str, trainers)] if trainers else []
        words = ["benchmark", "run", "701", *chosen, "--folds", *map(str, folds), "--device", device]
        return [*words, *map(str, arguments)]

    def start(self, *arguments, **more):
        """Start the program in a process of its own, which takes the same programs."""
        return subprocess.Popen(
            [sys.executable_before, "-m", "nnunet_cipa", *self.arguments(*arguments, **more)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def one_core():
    """Give this process, and what it starts, one core of several."""
    if not hasattr(os, "sched_setaffinity") or os.cpu_count() == 1:
        pytest.skip("needs a core to be denied")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    program = tmp_path / "bin" / "python"
    made = Fake(tmp_path)
    # processes that are started import this first, and so take the programs beside it too
    (site / "sitecustomize.py").write_text(f"import sys\nsys.executable = {str(program)!r}\n")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable_before", sys.executable, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))
    monkeypatch.setenv("FAKE", str(tmp_path))
    monkeypatch.setenv("nnUNet_preprocessed", str(made.preprocessed.parent))
    monkeypatch.setenv("nnUNet_results", str(made.results))
    monkeypatch.delenv("nnUNet_raw", raising=False)
    monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    monkeypatch.delenv("NNUNET_CIPA_ENCODER", raising=False)
    monkeypatch.delenv("NNUNET_CIPA_SEED", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return made


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def alive(pid):
    """Whether a process runs; a zombie that nobody waits for does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


@pytest.fixture
def watch():
    return wait_for, alive
