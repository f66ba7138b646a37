"""The parts of ``bench gpu``: what they call an agreement, and what becomes of items that fail."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnunet_cipa.ops import cross_op as cross_module
from nnunet_cipa.speed.gpu import agreement, part, run, text, training
from nnunet_cipa.speed.gpu.job import Job
from nnunet_cipa.speed.gpu.parts import PARTS
from nnunet_cipa.speed.gpu.record import Record

FACTS = {"processor": "P", "instructions": "I", "cores": 2, "threads": 1, "memory_bytes": None, "gpu": None,
         "device": "cpu", "copy_bytes_per_second": 1e9}  # fmt: skip


@pytest.fixture
def job(tmp_path):
    return Job("profile", str(tmp_path), "cpu", 60, time.time() + 60, "")


@pytest.fixture
def measure(job, monkeypatch):
    """Measure some items in this process, and return their record."""
    monkeypatch.setattr(part, "measured_machine", lambda _: FACTS)

    def run_items(items):
        monkeypatch.setattr(part, "_items", lambda _: items)
        status = part.measure(job)
        return status, Record.read(run.Path(job.out) / "profile.json")

    return run_items


def raising(error):
    def run_it():
        yield {"name": "first", "seconds": 1.0, "share": float("nan"), "calls": 1}
        raise error

    return run_it


def test_shares_are_the_whole_time():
    assert sum(each.share for each in PARTS) == pytest.approx(1)


def test_an_item_that_fails_costs_neither_its_rows_nor_the_others(measure):
    def fine():
        yield {"name": "second", "seconds": 2.0, "share": 0.5, "calls": 1}

    status, record = measure({"a": raising(RuntimeError("no\nmemory")), "b": "not here", "c": fine})
    assert status == 0
    assert [(item.state, item.why) for item in record.items] == [
        ("failed", "RuntimeError: no memory"), ("left out", "not here"), ("done", ""),
    ]  # fmt: skip
    assert [row["name"] for row in record.rows] == ["first", "second"]
    assert record.rows[0]["share"] is None
    shown = text.as_text([record])
    assert "- a: failed: RuntimeError: no memory" in shown
    assert "1 of 3 done" in shown


def test_a_device_that_answers_no_more_ends_the_process_and_the_rest_waits_for_the_next(measure, monkeypatch):
    monkeypatch.setattr(part, "_device_answers", lambda _: False)
    status, record = measure({"a": raising(RuntimeError("illegal memory access")), "b": lambda: iter([{"name": "b"}])})
    assert status == part.AGAIN
    assert [item.state for item in record.items] == ["failed", "waiting"]
    monkeypatch.undo()
    status, record = measure({"a": raising(RuntimeError("again")), "b": lambda: iter([{"name": "b"}])})
    assert [item.state for item in record.items] == ["failed", "done"]
    assert [row["name"] for row in record.rows] == ["first", "b"]


def test_an_item_that_ends_its_process_is_named_and_those_after_it_are_measured(job, monkeypatch):
    """Processes that write as a part does; the first is killed in its first item."""
    code = """
import json, os, signal, sys
from nnunet_cipa.speed.gpu.job import Job
from nnunet_cipa.speed.gpu import part
job = Job.loaded(sys.argv[1])
part.measured_machine = lambda _: {}
part._items = lambda _: {"a": lambda: os.kill(os.getpid(), signal.SIGKILL), "b": lambda: iter([{"name": "b"}])}
sys.exit(part.measure(job))
"""
    start = run._start
    monkeypatch.setattr(run, "_start", lambda arguments, out: start(["-c", code, arguments[-1]], out))
    run._run_part(job)
    record = Record.read(run.Path(job.out) / "profile.json")
    assert [(item.name, item.state) for item in record.items] == [("a", "failed"), ("b", "done")]
    assert "SIGKILL" in record.items[0].why
    assert record.rows == [{"name": "b"}]


@pytest.mark.parametrize(
    ("code", "state", "why"),
    [
        ("raise SystemExit('no torch')", "failed", "its process ended with exit code 1: no torch"),
        ("import time; time.sleep(60)", "cut", "the time was up"),
    ],
)
def test_a_part_that_wrote_nothing_says_so(code, state, why, job, monkeypatch):
    start = run._start
    monkeypatch.setattr(run, "_start", lambda _, out: start(["-c", code], out))
    begin = time.time()
    run._run_part(replace(job, until=begin + 3))
    assert time.time() - begin < 8
    record = Record.read(run.Path(job.out) / "profile.json")
    assert [(item.name, item.state, item.why) for item in record.items] == [("profile", state, why)]
    assert f"- profile: {state}: {why}" in text.as_text([record])


@pytest.mark.parametrize("wrong", ["gradient of A", "y"])
def test_a_kernel_that_is_off_does_not_agree(wrong, job, monkeypatch):
    """One part in a thousand is more than float32 is allowed, and less than bfloat16 rounds."""
    original = cross_module.cross_op

    def off(*arguments):
        x, projections, dt_proj, dt_bias, A, D, keep, backend = arguments
        if wrong == "y":
            y, kept = original(*arguments)
            return y + 1e-3 * y.detach(), kept
        return original(x, projections, dt_proj, dt_bias, 1.001 * A - 0.001 * A.detach(), D, keep, backend)

    items = agreement.items(job)
    (name,) = (name for name in items if name.startswith("cross_scan numba") and name.endswith("float32"))
    (row,) = items[name]()
    assert row["agrees"]
    monkeypatch.setattr(agreement, "cross_op", off)
    (row,) = items[name]()
    assert not row["agrees"]
    assert [error for error, value in row["errors"].items() if value > row["allowed"][error]] == [wrong]
    header = {"subject": "agreement", "machine": FACTS, "versions": {}, "command": ""}
    record = Record(run.Path(job.out) / "agreement.json", header, [], [row])
    assert text.disagreements([record]) == ["cross_scan numba (1, 2, 3, 8, 2, 4) float32"]
    assert f"1.0e-03 of 1.0e-05, {wrong}" in text.as_text([record])


def test_what_is_not_finite_does_not_agree_and_is_written(job, monkeypatch):
    scan = agreement.scan_by
    monkeypatch.setattr(
        agreement, "scan_by",
        lambda arguments, backend: scan(arguments, backend) * (torch.nan if backend == "numba" else 1),
    )  # fmt: skip
    items = agreement.items(job)
    (name,) = (name for name in items if name.startswith("selective_scan numba") and name.endswith("float32"))
    (row,) = items[name]()
    assert not row["agrees"]
    assert json.loads(json.dumps(row, allow_nan=False))["errors"]["y"] is None


def test_a_training_ends_by_itself_with_what_it_has(job, tmp_path):
    path = tmp_path / "slices.npz"
    grey = np.random.default_rng(0).integers(0, 255, (3, 32, 32), np.uint8)
    np.savez(path, ct=grey, pet=grey[::-1], mask=grey // 200)
    (train,) = training.items(replace(job, slices=str(path), until=time.time())).values()
    (row,) = train()
    assert row["iteration"] == 1
    assert row["loss"] > 0
