"""float64, bfloat16 autocast and torch.compile against float32."""

import copy

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.network.layers import precision
from nnunet_cipa.network.layers.precision import CPU_BFLOAT16_VARIABLE, preferred_autocast
from tests.network.helpers import assert_close, image


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CIPA(2, 2, patch_size=(64, 32), variant="nano").eval()


@pytest.fixture
def x():
    return image(2, 2, 64, 32, dtype=torch.float32)


@torch.no_grad()
def test_float64_agrees(network, x):
    expected = copy.deepcopy(network).double()(x.double())
    assert expected.dtype == torch.float64
    assert_close(network(x), expected, 1e-5)


def test_bfloat16_autocast_stays_close(network, x):
    expected = network(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(x)
    assert logits.dtype == torch.bfloat16
    assert_close(logits.detach().float(), expected.detach(), 2e-2)
    logits.float().square().mean().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.slow
def test_training_compiles_to_one_graph(network):
    network.train()
    x = image(4, 2, 64, 32, dtype=torch.float32)  # with two samples, norms over few values magnify rounding
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True, backend="aot_eager")
    outputs, gradients = [], []
    for module in (compiled, network):
        torch.manual_seed(0)
        logits = module(x)
        logits.square().mean().backward()
        outputs.append(logits.detach())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in module.parameters()]))
    assert_close(*outputs, 1e-5)
    assert_close(*gradients, 1e-4)


@pytest.fixture
def bfloat16(monkeypatch):
    """Let a network predict in bfloat16, on any processor: where it has no instructions for it, torch imitates it."""
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: True)
    monkeypatch.setenv(CPU_BFLOAT16_VARIABLE, "1")


@torch.no_grad()
def test_prediction_in_bfloat16_is_that_of_autocast_with_logits_in_float32(network, x, bfloat16):
    logits = network(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = network.segment(x)
    assert expected.dtype == torch.bfloat16
    assert torch.equal(logits, expected.float())


def test_training_stays_in_float32(network, x, bfloat16, monkeypatch):
    network.train()
    logits = []
    for value in ("1", "0"):
        monkeypatch.setenv(CPU_BFLOAT16_VARIABLE, value)
        torch.manual_seed(0)
        logits.append(network(x).detach())
    assert torch.equal(*logits)


@pytest.mark.parametrize(
    ("value", "has", "message"), [("yes", True, "set it to 1 or 0"), ("1", False, "no instructions for bfloat16")]
)
def test_bfloat16_that_cannot_be(network, x, monkeypatch, value, has, message):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: has)
    monkeypatch.setenv(CPU_BFLOAT16_VARIABLE, value)
    with pytest.raises(CIPAError, match=f"{CPU_BFLOAT16_VARIABLE}.*{message}"):
        network(x)


def test_autocast_is_left_alone_without_cuda():
    with torch.autocast("cpu", dtype=torch.bfloat16), preferred_autocast(torch.device("cpu")):
        assert torch.get_autocast_dtype("cpu") == torch.bfloat16


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("enabled", [False, True])
@torch.no_grad()
def test_float16_autocast_becomes_bfloat16_where_the_gpu_has_it(network, x, enabled):
    network.cuda()
    expected = network(x.cuda())
    with torch.autocast("cuda", enabled=enabled):
        logits = network(x.cuda())
    half = torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    assert logits.dtype == (half if enabled else torch.float32)
    assert_close(logits.float().cpu(), expected.cpu(), 2e-2)
