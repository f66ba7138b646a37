import time

import pytest
import torch

from nnunet_cipa.bench.timing import measure
from nnunet_cipa.cli import main
from nnunet_cipa.network import CIPA
from nnunet_cipa.tables import render

MIB = 2**20


def rows(printed):
    """Cells of a Markdown table, without its header."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.strip().splitlines()[2:]]


def test_seconds_are_those_of_the_clock():
    timing = measure(lambda: time.sleep(0.02), torch.device("cpu"), 3)
    assert 0.02 <= timing.fastest <= timing.seconds <= timing.slowest < 1


def test_memory_is_what_a_call_holds_at_its_peak():
    timing = measure(lambda: torch.ones(64 * MIB // 4), torch.device("cpu"), 1)
    assert 60 * MIB < timing.peak_bytes < 80 * MIB


def test_table_is_aligned():
    lines = render(("a", "long name"), [("1234", "5")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|------|-----------|"


def test_scan_table_has_each_backend_and_its_error(capsys):
    arguments = [
        "--channels",
        "8",
        "--length",
        "64",
        "--d-state",
        "4",
        "--repeats",
        "2",
        "--backends",
        "numba",
        "torch",
    ]
    assert main(["bench", "scan", *arguments]) == 0
    table = rows(capsys.readouterr().out)
    assert [row[:2] for row in table] == [
        [backend, kind] for backend in ("numba", "torch") for kind in ("forward", "forward and backward")
    ]
    assert all(float(row[5]) < 1e-5 for row in table)
    assert [row[6] for row in table[:2]] == ["1.00", "1.00"]
    ratio = float(table[2][2]) / float(table[0][2])
    assert float(table[2][6]) == pytest.approx(ratio, rel=0.001, abs=0.006)


def test_unknown_backend_is_refused_with_the_names(capsys):
    assert main(["bench", "scan", "--backends", "cuda"]) == 1
    assert "reference, torch, numba" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cipa", {}),
        ("cipa-25d", {"slices": 3}),
        ("cipa-sim", {"slices": 3, "sim": "input"}),
        ("cipa-features", {"slices": 3, "sim": "features"}),
    ],
)
def test_network_table_has_a_prediction_and_a_training_step(name, settings, capsys):
    arguments = ["--variant", "nano", "--patch-size", "64", "64", "--repeats", "1", "--networks", name]
    assert main(["bench", "network", *arguments]) == 0
    table = rows(capsys.readouterr().out)
    count = sum(p.numel() for p in CIPA(2, 2, patch_size=(64, 64), variant="nano", **settings).parameters())
    assert [row[:3] for row in table] == [
        [name, f"{count / 1e6:.1f} M", kind] for kind in ("prediction", "training step")
    ]
    assert all(0 < float(row[3]) < 60 for row in table)


def test_patch_that_does_not_fit_nnunets_networks_is_refused(capsys):
    assert main(["bench", "network", "--patch-size", "128", "128", "--networks", "plain"]) == 1
    assert "multiples of 128" in capsys.readouterr().err
