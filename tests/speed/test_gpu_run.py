"""``bench gpu`` as a whole, rehearsed on the CPU."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.speed import read_report

PARTS = ("agreement", "scan", "network", "profile", "training")
# What a borrowed machine may lack; torch itself depends on filelock and Jinja.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""
BLOCKED = {
    "nnunetv2", "dynamic_network_architectures", "batchgenerators", "batchgeneratorsv2", "SimpleITK", "matplotlib",
    "PIL", "pydicom", "nibabel", "skimage", "timm", "torchvision", "scipy", "safetensors",
}  # fmt: skip


@pytest.fixture(scope="module")
def lacking(tmp_path_factory):
    """Return the environment of a Python that finds none of the blocked packages, nor do those that it starts."""
    folder = tmp_path_factory.mktemp("lacking")
    (folder / "sitecustomize.py").write_text(BLOCKER.format(blocked=BLOCKED))
    return os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def bench(*words, environment=os.environ):
    command = [sys.executable, "-m", "nnunet_cipa", "bench", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def records(out):
    return {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}


def states(record):
    return {item["name"]: item["state"] for item in record["items"]}


@pytest.mark.slow
def test_a_rehearsal_to_the_end_without_nnunet(tmp_path, lacking):
    slices, out = tmp_path / "slices.npz", tmp_path / "out"
    assert main(["bench", "slices", str(slices), "--patients", "1", "--slices", "3", "--size", "64"]) == 0
    told = bench(
        "gpu", out, "--device", "cpu", "--seconds", 600, "--slices", slices,
        environment=lacking | {"TRITON_INTERPRET": "1"},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr + (out / "log.txt").read_text()
    found = records(out)
    assert set(found) == set(PARTS)
    left_out = {name: state for record in found.values() for name, state in states(record).items() if state != "done"}
    assert left_out == {"plain, batch 1": "left out", "resenc-l, batch 1": "left out"}
    assert "plain, batch 1: left out: nnU-Net's networks need the package dynamic_network_architectures" in told.stdout

    rows = found["agreement"]["rows"]
    compared = {(row["kernel"], row["name"], row["dtype"]) for row in rows}
    halves = ("float32", "bfloat16", "float16")
    assert compared >= {("selective_scan", name, dtype) for name in ("numba", "torch", "triton") for dtype in halves}
    assert compared >= {("cross_scan", name, dtype) for name in ("numba", "triton") for dtype in halves}
    for row in rows:
        leaves = (
            "u delta A B C D delta_bias" if row["kernel"] == "selective_scan" else "x projections dt_proj dt_bias A D"
        )
        assert set(row["errors"]) == {"y", *(f"gradient of {name}" for name in leaves.split())}
        assert row["agrees"]
    assert {row["name"] for row in found["scan"]["rows"]} == {"numba", "torch", "triton"}
    assert all(row["states_per_second"] > 0 < row["fraction_of_copy_bandwidth"] for row in found["scan"]["rows"])
    assert {(row["name"], row["pass"]) for row in found["network"]["rows"]} == {
        (name, kind)
        for name in ("cipa", "cipa-checkpointing", "cipa-compiled", "cipa-unfused")
        for kind in ("prediction", "training step")
    }
    assert sum(row["share"] for row in found["profile"]["rows"]) == pytest.approx(1)
    assert any("cross_scan_backward" in row["name"] for row in found["profile"]["rows"])
    assert [row["iteration"] for row in found["training"]["rows"]] == [4, 8, 12]
    assert all(0 < row["loss"] < 3 and row["seconds_per_iteration"] > 0 for row in found["training"]["rows"])

    figure = tmp_path / "growth.svg"
    assert main(["bench", "plot", str(out / "scan.json"), str(out / "network.json"), "--out", str(figure)]) == 0
    assert "steps" in figure.read_text()
    assert len(read_report(out / "network.json")["rows"]) == 8


@pytest.mark.slow
def test_what_was_finished_is_there_when_the_time_is_up(tmp_path):
    out = tmp_path / "out"
    start = time.monotonic()
    told = bench("gpu", out, "--device", "cpu", "--seconds", 60, environment=os.environ | {"OMP_NUM_THREADS": "1"})
    assert time.monotonic() - start < 70
    found = records(out)
    assert set(found) == set(PARTS)
    settled = [state for record in found.values() for state in states(record).values()]
    assert "done" in settled
    assert "cut" in settled
    assert not {"running", "waiting"} & set(settled)
    assert ": cut: the time was up" in told.stdout
    for record in found.values():
        assert bool(record["rows"]) >= ("done" in states(record).values())


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "scan.json").write_text("{}")
    assert main(["bench", "gpu", str(tmp_path), "--device", "cpu"]) == 1
    assert "there is something already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["scan.json"]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"ct": np.zeros((2, 32, 32), np.uint8)}, "no slices can be read"),
        ({name: np.zeros((2, 32, 32), np.float32) for name in ("ct", "pet", "mask")}, "ct float32 (2, 32, 32)"),
        ({"ct": np.zeros((2, 32, 32), np.uint8), "pet": np.zeros((1, 32, 32), np.uint8),
          "mask": np.zeros((2, 32, 32), np.uint8)}, "pet uint8 (1, 32, 32)"),
        ({name: np.zeros((0, 32, 32), np.uint8) for name in ("ct", "pet", "mask")}, "ct uint8 (0, 32, 32)"),
        ({name: np.array([{}], object) for name in ("ct", "pet", "mask")}, "no slices can be read"),
        (None, "no slices can be read"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_slices_is_refused_before_anything_is_measured(arrays, told, tmp_path, capsys):
    path, out = tmp_path / "a.npz", tmp_path / "out"
    if arrays is None:
        path.write_bytes(b"PK\3\4 cut off")
    else:
        np.savez(path, **arrays)
    assert main(["bench", "gpu", str(out), "--device", "cpu", "--slices", str(path)]) == 1
    message = capsys.readouterr().err
    assert told in message
    assert "give a file of 'nnunet-cipa bench slices'" in message
    assert not out.exists()
