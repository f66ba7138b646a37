"""The kernels' own buffers, which only the C library can poison."""

import os
import subprocess
import sys

import pytest

CODE = """
import torch
from nnunet_cipa.ops import ScanWeights, cross_scan, selective_scan

torch.manual_seed(0)
for length, states, groups in [(1, 16, 1), (70, 3, 2), (70, 16, 2), (130, 24, 1), (65, 4, 2)]:
    u, delta = torch.randn(1, 10, length), torch.randn(1, 10, length)
    A, B, C = -torch.rand(10, states), torch.randn(1, groups, states, length), torch.randn(1, groups, states, length)
    results = []
    for backend, dtype in [("numba", torch.float32), ("torch", torch.float64)]:
        x = [t.to(dtype).requires_grad_() for t in (u, delta, A, B, C, torch.ones(10))]
        y = selective_scan(*x, delta_softplus=True, backend=backend)
        results.append([y, *torch.autograd.grad(y.sum(), x)])
    for found, expected in zip(*results):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-3)

for height, width, channels, rank, states in [(1, 1, 16, 1, 2), (5, 14, 20, 3, 3), (13, 7, 16, 2, 16)]:
    x = torch.randn(2, height, width, channels)
    shapes = [(rank + 2 * states, channels), (channels, rank), (channels,), (channels, states), (channels,)]
    weights = [torch.randn(4, *shape) * 0.3 for shape in shapes]
    weights[3] = -weights[3].abs()
    results = []
    for backend, dtype in [("numba", torch.float32), ("torch", torch.float64)]:
        leaves = [t.to(dtype).requires_grad_() for t in (x, *weights)]
        y = cross_scan(leaves[0], ScanWeights(*leaves[1:]), backend)
        results.append([y, *torch.autograd.grad(y.sum(), leaves)])
    for found, expected in zip(*results):
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-3)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="MALLOC_PERTURB_ is glibc's")
def test_buffers_are_written_before_they_are_read() -> None:
    # Fresh memory is filled with 0x7f, which reads as 3.4e38 in float32.
    environment = os.environ | {"MALLOC_PERTURB_": "128"}
    result = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
