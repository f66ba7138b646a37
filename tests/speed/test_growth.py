import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.cli import main
from nnunet_cipa.speed.growth import growth

MIB = 2**20


def report(rows, subject="scan", processor="a processor", torch="2.0"):
    machine = {"processor": processor, "threads": 2, "gpu": "a GPU", "device": "cpu"}
    return {
        "format": "nnunet-cipa bench 1", "subject": subject, "command": "", "machine": machine,
        "versions": {"torch": torch, "triton": None}, "rows": rows,
    }  # fmt: skip


def scan(length, seconds, *, batch=1, name="numba", kind="forward"):
    sizes = {"batch": batch, "channels": 8, "length": length, "d_state": 4}
    times = {"seconds": seconds, "fastest": seconds / 2, "slowest": seconds * 2, "peak_bytes": length * MIB}
    return {"name": name, "pass": kind, **sizes, **times}


def network(side, slices, seconds):
    row = scan(1, seconds, name="cipa-25d", kind="prediction")
    del row["length"], row["channels"], row["d_state"]
    return row | {"height": side, "width": side, "slices": slices, "variant": "nano"}


def xs(line):
    return [point.x for point in line.points]


def test_rows_that_differ_in_one_size_are_a_line():
    rows = [scan(64, 4.0), scan(16, 1.0), scan(16, 1.5, batch=2), scan(64, 5.0, kind="forward and backward")]
    panels = growth([report(rows)])
    assert set(panels) == {("scan", "length"), ("scan", "batch")}
    (by_length,), (by_batch,) = panels["scan", "length"], panels["scan", "batch"]
    assert [(point.x, point.seconds, point.peak_bytes) for point in by_length.points] == [
        (16, 1.0, 16 * MIB), (64, 4.0, 64 * MIB),
    ]  # fmt: skip
    assert (by_length.name, by_length.kind, by_length.settings["batch"]) == ("numba", "forward", "batch 1")
    assert xs(by_batch) == [1, 2]
    assert by_batch.settings["length"] == "16 steps"


def test_networks_grow_with_pixels_and_slices():
    panels = growth([report([network(32, 1, 1.0), network(64, 1, 2.0), network(32, 3, 1.5)], "network")])
    assert {panel: [xs(line) for line in lines] for panel, lines in panels.items()} == {
        ("network", "pixels"): [[1024, 4096]],
        ("network", "slices"): [[1, 3]],
    }
    assert panels["network", "slices"][0].settings["pixels"] == "32 x 32"


def test_files_of_one_machine_are_one_line_and_the_last_counts():
    files = [report([scan(16, 1.0)]), report([scan(64, 4.0)]), report([scan(16, 1.25)])]
    (line,) = growth(files)["scan", "length"]
    assert [(point.x, point.seconds) for point in line.points] == [(16, 1.25), (64, 4.0)]


@pytest.mark.parametrize("other", [{"processor": "another"}, {"torch": "2.1"}])
def test_files_of_two_machines_or_versions_are_two_lines(other):
    rows = [scan(16, 1.0), scan(64, 4.0)]
    assert len(growth([report(rows), report(rows, **other)])["scan", "length"]) == 2
    assert growth([report(rows[:1]), report(rows[1:], **other)]) == {}


@pytest.fixture
def files(tmp_path):
    contents = [
        report([scan(length, length / 64, name=name) for name in ("numba", "torch") for length in (16, 64, 256)]),
        report([network(32, 1, 1.0), network(64, 1, 2.0)], "network"),
    ]
    paths = [tmp_path / f"{index}.json" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(json.dumps(content))
    return [str(path) for path in paths]


def test_figure_has_a_panel_for_each_size_and_names_its_lines(files, tmp_path):
    out = tmp_path / "figure.svg"
    assert main(["bench", "plot", *files, "--out", str(out)]) == 0
    words = [element.text for element in ET.parse(out).iter("{http://www.w3.org/2000/svg}text")]
    for expected in ("steps", "pixels of a slice", "seconds", "peak memory, MiB", "256", "64 x 64", "proportional"):
        assert expected in words
    assert {"numba, forward", "torch, forward", "cipa-25d, prediction"} <= set(words)
    assert not re.search(r"mathdefault|Date", out.read_text())


def test_figure_is_the_same_each_time(files, tmp_path):
    figures = [tmp_path / name for name in ("a.svg", "b.svg")]
    for out in figures:
        assert main(["bench", "plot", *files, "--out", str(out)]) == 0
    assert figures[0].read_bytes() == figures[1].read_bytes()


def test_png_shows_the_lines(files, tmp_path):
    out = tmp_path / "figure.png"
    assert main(["bench", "plot", *files, "--out", str(out)]) == 0
    pixels = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert (pixels[:3] == 255).all()
    blue, orange = ((abs(pixels - colour).max(-1) < 8).sum() for colour in ((47, 134, 201), (217, 102, 31)))
    assert min(blue, orange) > 300


def test_memory_that_is_not_known_is_left_out(tmp_path):
    rows = [scan(length, 1.0) | {"peak_bytes": None} for length in (16, 64)]
    source, out = tmp_path / "a.json", tmp_path / "figure.pdf"
    source.write_text(json.dumps(report(rows)))
    assert main(["bench", "plot", str(source), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF")


def test_one_value_of_each_size_draws_nothing_and_says_why(tmp_path, capsys):
    source, out = tmp_path / "a.json", tmp_path / "figure.svg"
    source.write_text(json.dumps(report([scan(16, 1.0)])))
    assert main(["bench", "plot", str(source), "--out", str(out)]) == 1
    assert "nothing was measured at two values of length, batch" in capsys.readouterr().err
    assert not out.exists()


def test_file_that_is_missing_is_named(tmp_path, capsys):
    assert main(["bench", "plot", str(tmp_path / "no.json"), "--out", str(tmp_path / "figure.svg")]) == 1
    assert "no.json" in capsys.readouterr().err
