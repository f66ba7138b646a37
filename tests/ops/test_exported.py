"""The scan and the network as torch.export and torch.onnx.export have them."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from nnunet_cipa.network import CIPA
from nnunet_cipa.ops import selective_scan
from nnunet_cipa.ops.choice import ENVIRONMENT_VARIABLE
from tests.network.helpers import add_micro, randomise

LENGTH = 70


class Scan(nn.Module):
    def __init__(self, softplus):
        super().__init__()
        self.softplus = softplus

    def forward(self, u, delta, A, B, C, D, z, bias):
        return selective_scan(u, delta, A, B, C, D, z, bias, self.softplus, True, backend="reference")


def arguments(matrices, *, optional):
    generator = torch.Generator().manual_seed(0)
    shape = {"grouped": (2, 3, 4, LENGTH), "shared": (2, 4, LENGTH), "constant": (6, 4)}

    def normal(*size):
        return torch.randn(size, generator=generator, dtype=torch.float64)

    B, C = (normal(*shape[kind]) for kind in matrices)
    D, z, bias = (normal(6), normal(2, 6, LENGTH), normal(6)) if optional else (None, None, None)
    return normal(2, 6, LENGTH), 0.1 * normal(2, 6, LENGTH).abs(), -normal(6, 4).abs(), B, C, D, z, bias


@pytest.mark.parametrize("matrices", [("grouped", "grouped"), ("shared", "constant"), ("constant", "grouped")])
@pytest.mark.parametrize("optional", [True, False])
def test_the_exported_scan_is_the_reference(matrices, optional):
    given = arguments(matrices, optional=optional)
    module = Scan(softplus=optional)
    program = torch.export.export(module, given)
    for exported, expected in zip(program.module()(*given), module(*given), strict=True):
        torch.testing.assert_close(exported, expected, rtol=1e-12, atol=1e-12)
    assert len(program.graph.nodes) < LENGTH  # one loop, not a node for each step


@pytest.fixture
def micro(monkeypatch):
    add_micro(monkeypatch)
    torch.manual_seed(0)
    switches = {"offset": (-1.6, -1.6), "intensity_range": ((0.0, 3.2), (0.0, 3.2))}
    return randomise(CIPA(2, 2, patch_size=(32, 64), variant="micro", **switches)).eval()


@torch.no_grad()
@pytest.mark.slow
def test_onnx_runtime_agrees_with_the_network(micro, tmp_path, monkeypatch):
    x = 3 * torch.rand(2, 2, 32, 64)
    expected = micro(x)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "reference")
    torch.onnx.export(micro, (x,), tmp_path / "cipa.onnx", dynamo=True, input_names=["image"])
    session = onnxruntime.InferenceSession(tmp_path / "cipa.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": x.numpy()})
    assert np.ptp(logits) > 1
    np.testing.assert_allclose(logits, expected.numpy(), rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.slow
def test_torch_export_keeps_the_scan_of_the_device(micro):
    x = 3 * torch.rand(1, 2, 32, 64)
    program = torch.export.export(micro, (x,))
    torch.testing.assert_close(program.module()(x), micro(x), rtol=1e-5, atol=1e-5)  # the gated norm is torch's there
