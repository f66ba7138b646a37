import json
import platform
import socket

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.speed import ScanBench, read_report
from nnunet_cipa.speed.machine import copy_bandwidth
from nnunet_cipa.speed.report import finite
from nnunet_cipa.speed.scan import compare_scans
from nnunet_cipa.speed.scan_call import ScanCall
from nnunet_cipa.speed.timing import Timing

SCAN = ["--channels", "8", "--length", "64", "--d-state", "4", "--repeats", "2", "--backends", "numba"]
ROW = {"name": "numba", "pass": "forward", "seconds": 1.0, "fastest": 0.5, "slowest": 2.0, "peak_bytes": 8.0}
SIZES = {"batch": 1, "channels": 4, "length": 8, "d_state": 2}


def content(**changes):
    machine = {"processor": "a processor", "threads": 1, "gpu": None, "device": "cpu"}
    whole = {"format": "nnunet-cipa bench 1", "subject": "scan", "machine": machine, "versions": {}}
    return whole | {"rows": [ROW | SIZES]} | changes


def measured(seconds, monkeypatch):
    monkeypatch.setattr("nnunet_cipa.speed.scan.time_function", lambda *_: Timing(seconds, seconds, seconds, 0.0))
    monkeypatch.setattr("nnunet_cipa.speed.machine.copy_bandwidth", lambda _: 1e6)


def zero(arguments):
    """A scan of nothing that every argument has a gradient through."""
    return 0 * arguments["u"] + 0 * sum(tensor.sum() for tensor in arguments.values())


def test_least_bytes_are_those_of_the_arguments_results_and_gradients():
    call = ScanCall(batch=2, channels=8, length=5, d_state=3)
    arguments = call.arguments("cpu")
    y = arguments["u"]
    read = sum(tensor.nbytes for tensor in arguments.values())
    assert call.least_bytes(backward=False) == read + y.nbytes
    gradients = read  # one for each argument, of its size
    assert call.least_bytes(backward=True) == (read + y.nbytes) + (read + y.nbytes + gradients)


def test_figures_follow_from_the_seconds(monkeypatch):
    measured(0.5, monkeypatch)
    bench = ScanBench(channels=(8,), length=(64,), d_state=(4,), repeats=1)
    report = compare_scans(bench, {"zero": zero}, "a command")
    forward, both = (row.values for row in report.rows)
    assert forward["state_updates"] == both["state_updates"] == 1 * 8 * 64 * 4
    assert forward["states_per_second"] == both["states_per_second"] == 8 * 64 * 4 / 0.5
    # 2 sequences of 512, 2 matrices of 4 groups x 4 states x 64, A of 8 x 4, D and the bias of 8; y is a sequence more
    arguments = 2 * 512 + 2 * 1024 + 32 + 16
    assert forward["fraction_of_copy_bandwidth"] == pytest.approx(4 * (arguments + 512) / 0.5 / 1e6)
    assert both["fraction_of_copy_bandwidth"] == pytest.approx(4 * (3 * arguments + 2 * 512) / 0.5 / 1e6)
    assert forward["largest_error"] == 1  # a result of zeros is as far away as the largest value


def test_ratio_is_to_the_first_of_the_same_pass(monkeypatch):
    seconds = iter((2.0, 8.0, 1.0, 2.0))
    monkeypatch.setattr("nnunet_cipa.speed.scan.time_function", lambda *_: Timing(next(seconds), 1.0, 1.0, 0.0))
    bench = ScanBench(channels=(4,), length=(3,), d_state=(1,), repeats=1)
    report = compare_scans(bench, {"a": zero, "b": zero}, "a command")
    assert [row.values["ratio"] for row in report.rows] == [1, 1, 0.5, 0.25]


def test_copy_bandwidth_counts_reads_and_writes(monkeypatch):
    monkeypatch.setattr("nnunet_cipa.speed.machine._COPIED_BYTES", 4000)
    monkeypatch.setattr("nnunet_cipa.speed.machine.time_function", lambda *_: Timing(9.0, 2.0, 10.0, 0.0))
    assert copy_bandwidth(torch.device("cpu")) == 2 * 4000 / 2.0


def test_json_is_what_the_table_shows_in_full_precision(tmp_path, capsys):
    path = tmp_path / "scan.json"
    assert main(["bench", "scan", *SCAN, "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    found = read_report(path)
    assert list(tmp_path.iterdir()) == [path]
    assert set(found) == {"format", "subject", "command", "machine", "versions", "rows"}
    assert f"- command: `{found['command']}`" in printed
    assert "--json" not in found["command"]
    assert found["versions"]["Python"] == platform.python_version()
    assert {"torch", "numba", "triton", "nnunetv2", "nnunet-cipa"} <= set(found["versions"])
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["machine"]["copy_bytes_per_second"] > 1e8
    for row in found["rows"]:
        assert f"| {row['seconds']:.4g} " in printed
        assert row["fastest"] <= row["seconds"] <= row["slowest"]
        assert row["states_per_second"] == row["state_updates"] / row["seconds"]


def test_json_names_no_machine_and_no_folder(tmp_path):
    path = tmp_path / "network.json"
    arguments = ["--variant", "nano", "--patch-size", "32", "32", "--repeats", "1", "--networks", "cipa"]
    assert main(["bench", "network", *arguments, "--json", str(path)]) == 0
    text = path.read_text()
    assert json.dumps(str(tmp_path))[1:-1] not in text
    assert socket.gethostname() not in text
    rows = json.loads(text)["rows"]
    assert [row["pass"] for row in rows] == ["prediction", "training step"]
    assert rows[0]["states_per_second"] == rows[0]["state_updates"] / rows[0]["seconds"] > 0


def test_folder_that_is_missing_is_told_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.scan.time_function", lambda *_: pytest.fail("measured"))
    assert main(["bench", "scan", *SCAN, "--json", str(tmp_path / "no" / "a.json")]) == 1
    assert f"there is no folder {tmp_path / 'no'}" in capsys.readouterr().err


def test_numbers_that_json_does_not_have_become_none():
    values = finite({"a": float("nan"), "b": float("inf"), "c": 1.5, "d": "nan", "e": 3})
    assert values == {"a": None, "b": None, "c": 1.5, "d": "nan", "e": 3}


def test_report_without_a_known_peak_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content(rows=[ROW | SIZES | {"peak_bytes": None}])))
    assert read_report(path)["rows"][0]["peak_bytes"] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not in the format"),
        (json.dumps({"rows": []}), "not in the format"),
        (json.dumps(content(format="nnunet-cipa bench 2")), "not in the format"),
        (json.dumps(content(subject=["scan"])), "not in the format"),
        (json.dumps(content(machine={})), "machine is not described"),
        (json.dumps(content(versions=None)), "versions is not described"),
        (json.dumps(content(rows=[])), "no rows"),
        (json.dumps(content(rows=[ROW | SIZES, 3])), "row 1: no name"),
        (json.dumps(content(rows=[ROW | SIZES | {"variant": {}}])), "row 0: variant is {}"),
        (json.dumps(content(rows=[ROW | SIZES | {"length": 0}])), "row 0: length is 0"),
        (json.dumps(content(rows=[ROW | SIZES | {"length": 1.5}])), "row 0: length is 1.5"),
        (json.dumps(content(rows=[ROW | SIZES | {"seconds": -1.0}])), "row 0: seconds is -1.0"),
        (json.dumps(content(rows=[ROW | SIZES | {"slowest": float("nan")}])), "row 0: slowest is nan"),
        (json.dumps(content(rows=[ROW | SIZES | {"fastest": None}])), "row 0: fastest is None"),
        (json.dumps(content(rows=[ROW | SIZES | {"peak_bytes": "8"}])), "row 0: peak_bytes is '8'"),
    ],
)
def test_file_that_is_no_report_is_refused_by_name(text, told, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CIPAError) as refused:
        read_report(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert told in str(refused.value)
