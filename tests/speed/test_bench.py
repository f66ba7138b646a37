import math
import time

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.ops import ScanWeights, available_backends, cross_scan, selective_scan
from nnunet_cipa.pages.tables import render_table
from nnunet_cipa.speed.options import scan_backends
from nnunet_cipa.speed.states import StateUpdates
from nnunet_cipa.speed.timing import time_function

MIB = 2**20
SCAN = ["--channels", "8", "--length", "64", "--d-state", "4", "--repeats", "2"]


def table(printed):
    """The rows of a Markdown table by their header."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_seconds_are_those_of_the_clock():
    timing = time_function(lambda: time.sleep(0.02), torch.device("cpu"), 3)
    assert 0.02 <= timing.fastest <= timing.seconds <= timing.slowest < 1


def test_memory_is_what_a_call_holds_at_its_peak():
    timing = time_function(lambda: torch.ones(64 * MIB // 4), torch.device("cpu"), 1)
    assert 60 * MIB < timing.peak_bytes < 80 * MIB


def test_a_device_of_another_type_is_waited_for_and_its_memory_not_known(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    timing = time_function(lambda: None, torch.device("mps"), 3)
    assert waited == [torch.device("mps")] * 6  # before and after each run
    assert math.isnan(timing.peak_bytes)


def test_table_is_aligned():
    lines = render_table(("a", "long name"), [("1234", "5")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|------|-----------|"


def test_scan_table_has_each_backend_and_its_error(capsys):
    assert main(["bench", "scan", *SCAN, "--backends", "numba", "torch"]) == 0
    rows = table(capsys.readouterr().out)
    assert [(row["backend"], row["pass"]) for row in rows] == [
        (backend, kind) for backend in ("numba", "torch") for kind in ("forward", "forward and backward")
    ]
    assert all(float(row["largest error"]) < 1e-5 for row in rows)
    assert [row["ratio"] for row in rows[:2]] == ["1", "1"]
    ratio = float(rows[2]["median s"]) / float(rows[0]["median s"])
    assert float(rows[2]["ratio"]) == pytest.approx(ratio, rel=0.01)
    for row in rows:
        assert float(row["states/s"]) == pytest.approx(8 * 64 * 4 / float(row["median s"]), rel=0.01)


def test_every_combination_of_sizes_is_measured_and_has_a_ratio_of_its_own(capsys):
    sizes = ["--batch", "1", "2", "--channels", "4", "8", "--length", "5", "6", "--d-state", "2", "3"]
    assert main(["bench", "scan", *sizes, "--repeats", "1", "--backends", "torch", "--forward-only"]) == 0
    rows = table(capsys.readouterr().out)
    expected = [f"{b}, {d}, {length}, {n}" for b in (1, 2) for d in (4, 8) for length in (5, 6) for n in (2, 3)]
    assert [row["b, d, l, n"] for row in rows] == expected
    assert {row["ratio"] for row in rows} == {"1"}
    assert {row["pass"] for row in rows} == {"forward"}


def test_table_begins_with_machine_versions_and_command(capsys):
    assert main(["bench", "scan", *SCAN, "--backends", "torch"]) == 0
    machine, versions, command = capsys.readouterr().out.splitlines()[:3]
    assert f", {torch.get_num_threads()} thread" in machine
    assert f"torch {torch.__version__.partition('+')[0]}" in versions
    assert command == (
        "- command: `nnunet-cipa bench scan --batch 1 --channels 8 --length 64 --d-state 4 --device cpu --repeats 2 "
        "--backends torch`"
    )


def test_choices_are_the_backends_there_are():
    assert sorted(scan_backends()) == sorted(available_backends())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scan", "--backends", "cuda"], "invalid choice: 'cuda'"),
        (["scan", "--length", "0"], "0 is below 1"),
        (["scan", "--length", "1e3"], "invalid count value: '1e3'"),
        (["scan", "--length"], "expected at least one argument"),
        (["scan", "--channels", "8", "7"], "7 is not a multiple of 4"),
        (["scan", "--repeats", "0"], "0 is below 1"),
        (["network", "--patch-size", "64"], "expected 2 arguments"),
        (["network", "--slices", "2"], "--slices 2: there is none; choose among 1, 3, 5"),
        (["network", "--variant", "huge"], "--variant huge: there is none; choose among tiny, small, base, nano"),
        (["scan", "--device", "tpu"], "device 'tpu': no scan backend is for it; choose among cpu, cuda"),
        (["network", "--batch", "-1"], "-1"),
        (["plot", "a.json", "--out", "a.gif"], "a.gif ends in none of .svg, .png, .pdf"),
        (["plot", "--out", "a.svg"], "required: FILE"),
        (["plot", "a.json"], "required: --out"),
        ([], "required: SUBJECT"),
    ],
)
def test_wrong_arguments_end_with_2(arguments, told, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("subject", ["scan", "network"])
def test_device_that_is_not_there_is_refused(subject, capsys):
    assert main(["bench", subject, "--device", "cuda"]) == 1
    assert "torch finds no CUDA device" in capsys.readouterr().err


def test_backend_that_cannot_be_used_is_refused_with_the_reason(monkeypatch, capsys):
    monkeypatch.setattr(
        "nnunet_cipa.speed.scan.available_backends", lambda: {"mamba_ssm": (False, "it needs a CUDA device")}
    )
    assert main(["bench", "scan", "--backends", "mamba_ssm"]) == 1
    assert "'mamba_ssm' cannot be used: it needs a CUDA device" in capsys.readouterr().err


def test_states_of_a_scan_are_counted_once_a_forward_pass():
    u, matrix = torch.randn(2, 6, 7, requires_grad=True), torch.randn(2, 3, 7)
    with StateUpdates() as counted:
        selective_scan(u, u, -torch.rand(6, 3), matrix, matrix, backend="torch").sum().backward()
    assert counted.total == 2 * 6 * 7 * 3


def test_states_of_a_map_are_counted_in_four_directions():
    x = torch.randn(2, 5, 7, 6)
    shapes = {"x_proj": (4, 2 + 2 * 3, 6), "dt_proj": (4, 6, 2), "dt_bias": (4, 6), "A": (4, 6, 3), "D": (4, 6)}
    weights = ScanWeights(**{name: -torch.rand(shape) for name, shape in shapes.items()})
    for backend in ("numba", "torch"):
        with StateUpdates() as counted:
            cross_scan(x, weights, backend=backend)
        assert counted.total == 2 * 5 * 7 * 4 * 6 * 3
