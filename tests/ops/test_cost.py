"""Memory and time, as ratios that hold on any machine."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import selective_scan

PEAK = """
import re, sys
from pathlib import Path
import torch
from nnunet_cipa.ops import selective_scan

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024

def scan(length):
    torch.manual_seed(0)
    u, delta = torch.randn(1, 384, length, requires_grad=True), torch.randn(1, 384, length, requires_grad=True)
    B, C = torch.randn(1, 4, 16, length, requires_grad=True), torch.randn(1, 4, 16, length, requires_grad=True)
    A, D = (-torch.rand(384, 16)).requires_grad_(), torch.ones(384, requires_grad=True)
    Path("/proc/self/clear_refs").write_text("5")  # starts the high-water mark again
    before = peak()
    selective_scan(u, delta, A, B, C, D, delta_bias=D, delta_softplus=True, backend=sys.argv[1]).sum().backward()
    return (peak() - before) / (u.numel() * 4)

scan(256)
print(scan(8192))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_peak_memory_is_a_few_times_the_input(backend: str) -> None:
    # y, the gradients of y, u and delta, and a state a chunk: under six times u. One (b, d, l, n) tensor would be 16.
    # One thread: on a busy machine torch's threads spend their time waiting for each other.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PEAK, backend]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert 2 < float(result.stdout) < 8


def fastest(function: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("states", [4, 16])
def test_numba_is_fast(make_inputs: Callable[..., dict[str, Tensor]], states: int) -> None:
    inputs = make_inputs(1, 768, 1024, states, 4, dtype=torch.float32)
    del inputs["z"]  # the gate is torch's in every backend
    times = {}
    for backend, runs in (("reference", 3), ("numba", 10)):
        with torch.no_grad():
            times[backend] = fastest(lambda b=backend: selective_scan(**inputs, delta_softplus=True, backend=b), runs)
    # 30 to 40 times on two quiet cores, where the reference's time is spent in launching small operations.
    assert times["numba"] * 12 < times["reference"], times


@pytest.mark.slow
def test_backward_costs_a_few_forwards(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    inputs = make_inputs(1, 768, 4096, 16, 4, dtype=torch.float32)
    forward = fastest(lambda: selective_scan(**inputs, delta_softplus=True, backend="numba"), 10)
    y = selective_scan(**inputs, delta_softplus=True, backend="numba")
    backward = fastest(lambda: torch.autograd.grad(y.sum(), list(inputs.values()), retain_graph=True), 10)
    assert backward < 6 * forward
