"""Speed against earlier runs on the same machine, by pytest-benchmark.

Pytest does not collect a file of this name by itself, since seconds on cores that are shared say nothing:

    python -m pytest tests/measurements/regressions.py --benchmark-autosave
    python -m pytest tests/measurements/regressions.py --benchmark-compare --benchmark-compare-fail=min:10%
"""

import pytest
import torch
from torch import nn

from nnunet_cipa.ops import ScanWeights, cross_scan, selective_scan
from nnunet_cipa.ops.numba import threads as numba_threads
from nnunet_cipa.speed.networks import NetworkSetting
from nnunet_cipa.speed.scan_call import ScanCall

pytest.importorskip("pytest_benchmark", reason="pip install pytest-benchmark")


def repeat(benchmark, function):
    benchmark.pedantic(function, rounds=9, warmup_rounds=2)


@pytest.mark.parametrize("length", [512, 4096, 16384])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_scan(benchmark, length, backward):
    arguments = ScanCall(1, 768, length, 16).arguments("cpu")

    def run():
        with torch.set_grad_enabled(backward):
            y = selective_scan(**arguments, delta_softplus=True, backend="numba")
        if backward:
            torch.autograd.grad(y, list(arguments.values()), torch.ones_like(y))

    repeat(benchmark, run)


@pytest.mark.parametrize("threads", ["of torch", "of its own"])
def test_threads(benchmark, monkeypatch, threads):
    if threads == "of its own":
        monkeypatch.setattr(numba_threads, "run_on_torch_threads", lambda member: False)
    arguments = ScanCall(1, 768, 4096, 16).arguments("cpu")
    others = torch.ones(4000, 4000)

    def wake():
        others.add_(1)  # after it torch's threads wait awake

    @torch.no_grad()
    def run():
        selective_scan(**arguments, delta_softplus=True, backend="numba")

    benchmark.pedantic(run, setup=wake, rounds=15, warmup_rounds=2)


@pytest.mark.parametrize("shape", [(1, 128, 128, 192), (2, 32, 32, 768), (1024, 4, 4, 192)], ids=str)
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_four_directions(benchmark, shape, backward):
    channels, rank, states = shape[-1], shape[-1] // 32, 16
    shapes = (4, rank + 2 * states, channels), (4, channels, rank), (4, channels), (4, channels, states), (4, channels)
    torch.manual_seed(0)
    x, *weights = (0.1 * torch.randn(size) for size in (shape, *shapes))
    weights[3] = -torch.arange(1.0, states + 1).expand(4, channels, states).clone()
    tensors = [tensor.requires_grad_() for tensor in (x, *weights)]

    def run():
        with torch.set_grad_enabled(backward):
            y = cross_scan(tensors[0], ScanWeights(*tensors[1:]), backend="numba")
        if backward:
            torch.autograd.grad(y, tensors, torch.ones_like(y))

    repeat(benchmark, run)


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
def test_network(benchmark, training):
    network = NetworkSetting("cipa", "tiny", 1, (256, 256), 1).build().train(training)
    image, target = torch.randn(1, 2, 256, 256), torch.zeros(1, 256, 256, dtype=torch.long)

    def run():
        with torch.set_grad_enabled(training):
            loss = nn.functional.cross_entropy(network(image), target)
        if training:
            loss.backward()
            network.zero_grad(set_to_none=True)

    repeat(benchmark, run)
