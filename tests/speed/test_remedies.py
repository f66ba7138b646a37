"""What the refusals of ``bench`` tell one to do, done as the message has it."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.speed.timing import Timing
from tests.speed.test_report import measured

SCAN = ["scan", "--channels", "8", "--d-state", "4", "--repeats", "1"]
NETWORK = ["network", "--variant", "nano", "--repeats", "1"]
WITHOUT_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    measured(0.5, monkeypatch)
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: Timing(1.0, 1.0, 1.0, 0.0))


@pytest.fixture
def bench(capsys):
    """Run a command to its end."""

    def run(*words):
        assert main(["bench", *map(str, words)]) == 0, capsys.readouterr().err

    return run


@pytest.fixture
def refused(capsys):
    """Run a command, and return what the remedy in its message tells."""

    def run(told, *words):
        assert main(["bench", *map(str, words)]) == 1
        found = re.search(told, capsys.readouterr().err.rstrip())
        assert found
        return found.groups()

    return run


@WITHOUT_CUDA
@pytest.mark.parametrize(
    "command", [[*SCAN, "--length", "16"], [*NETWORK, "--patch-size", "32", "32", "--networks", "cipa"]]
)
def test_the_device_that_is_there(command, bench, refused):
    (device,) = refused(r"use the device '(\w+)'$", *command, "--device", "cuda")
    bench(*command, "--device", device)


@WITHOUT_CUDA
def test_backends_of_those_that_are_told(bench, refused):
    command = [*SCAN, "--length", "16", "--backends"]
    (others,) = refused("'mamba_ssm' cannot be used: .*; choose among (.*)$", *command, "mamba_ssm")
    assert {"torch", "numba"} <= set(others.split(", "))
    bench(*command, *others.split(", "))


def test_a_patch_of_multiples(bench, refused):
    command = [*NETWORK, "--networks", "plain", "--patch-size"]
    step, least = map(int, refused(r"give multiples of (\d+) from (\d+)$", *command, 128, 300))
    bench(*command, least, least + step)


@pytest.mark.parametrize("network", ["cipa", "nnsam"])
def test_the_next_patch(network, bench, refused):
    command = [*NETWORK, "--networks", network]
    (told,) = refused(r"the next that does is (--patch-size .*)$", *command, "--patch-size", 100, 64)
    bench(*command, *shlex.split(told))


@pytest.mark.parametrize("way", ["make it", "choose another"])
def test_a_folder_for_the_figures(way, bench, refused, tmp_path):
    sources = [tmp_path / "short.json", tmp_path / "long.json"]
    for length, source in zip(("16", "64"), sources, strict=True):
        bench(*SCAN, "--length", length, "--backends", "torch", "--json", source)
    for command, name in (([*SCAN, "--length", "16", "--json"], "a.json"), (["plot", *sources, "--out"], "a.svg")):
        (folder,) = refused(r"there is no folder (\S+); make it or choose another$", *command, tmp_path / "new" / name)
        if way == "make it":
            Path(folder).mkdir()
        out = (Path(folder) if way == "make it" else tmp_path) / name
        bench(*command, out)
        assert out.is_file()
        shutil.rmtree(folder, ignore_errors=True)


def test_more_values_of_a_size_are_drawn(bench, refused, tmp_path):
    source, out = tmp_path / "a.json", tmp_path / "a.svg"
    command = [*SCAN, "--backends", "torch", "--forward-only", "--json", source]
    bench(*command, "--length", "16")
    (more,) = refused(r"give 'bench' more values of a size, as in (--.*)$", "plot", source, "--out", out)
    bench(*command, *shlex.split(more))
    bench("plot", source, "--out", out)
    assert out.is_file()


@pytest.mark.parametrize("content", ["no json", "[]", '{"format": "nnunet-cipa bench 1", "subject": "scan"}'])
def test_files_of_the_commands_that_are_told(content, bench, refused, tmp_path):
    source, out = tmp_path / "a.json", tmp_path / "a.svg"
    source.write_text(content)
    told = refused(r"give files of 'bench (scan --json)' or 'bench (network --json)'$", "plot", source, "--out", out)
    sizes = {
        "scan": [*SCAN[1:], "--length", 16, 64, "--backends", "torch"],
        "network": [*NETWORK[1:], "--networks", "cipa", "--patch-size", 32, 32, "--patch-size", 64, 64],
    }
    for words in map(str.split, told):
        bench(*words, source, *sizes[words[0]])
        bench("plot", source, "--out", out)
        out.unlink()
