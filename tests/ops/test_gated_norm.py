"""LayerNorm with a gate: against torch's operators in float64."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops import gated_norm
from nnunet_cipa.ops.choice import ENVIRONMENT_VARIABLE

EPS = 1e-5


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def make(*shape: int) -> list[Tensor]:
    torch.manual_seed(0)
    channels = shape[-1]
    return [3 * torch.randn(shape) + 1, 4 * torch.randn(shape), torch.randn(channels), torch.randn(channels)]


def formula(y: Tensor, gate: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    return F.layer_norm(y, (y.shape[-1],), weight, bias, eps) * F.silu(gate)


def run(function: Callable[..., Tensor], inputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Give the result and, for a fixed gradient of it, the gradients of all inputs."""
    leaves = [x.to(dtype).requires_grad_() for x in inputs]
    result = function(*leaves, EPS)
    grad = torch.randn(result.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    return [result.detach(), *torch.autograd.grad(result, leaves, grad)]


@pytest.mark.parametrize("shape", [(2, 5, 7, 32), (1, 128, 128, 48), (300, 4, 4, 16), (1, 1, 1, 192), (2, 3, 16, 1536)])
def test_values_and_gradients(shape: tuple[int, ...], threads: int) -> None:
    inputs = make(*shape)
    found, again = (run(gated_norm, inputs, torch.float32) for _ in range(2))
    assert "GatedNorm" in str(gated_norm(inputs[0].requires_grad_(), *inputs[1:], EPS).grad_fn)
    for one, same, expected in zip(found, again, run(formula, inputs, torch.float64), strict=True):
        assert (one - expected).norm() < 3e-6 * expected.norm()
        assert torch.equal(one, same)


def test_a_mean_that_is_large_beside_the_deviation() -> None:
    inputs = make(2, 3, 3, 64)
    inputs[0] = inputs[0] + 1000
    found, expected = run(gated_norm, inputs, torch.float32), run(formula, inputs, torch.float64)
    assert (found[0] - expected[0]).norm() < 1e-4 * expected[0].norm()


def test_maps_in_another_order_in_memory() -> None:
    y, gate, weight, bias = make(2, 4, 6, 32)
    turned = y.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    assert torch.equal(gated_norm(turned, gate, weight, bias, EPS), gated_norm(y, gate, weight, bias, EPS))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("index", [0, 1])
def test_no_number_goes_where_torch_has_it(value: float, index: int) -> None:
    inputs = make(2, 3, 5, 32)
    inputs[index][1, 2, 3, 4] = value
    assert torch.equal(gated_norm(*inputs, EPS).isnan(), formula(*inputs, EPS).isnan())


@pytest.mark.parametrize("shape", [(0, 4, 4, 32), (1, 0, 4, 32)])
def test_no_positions(shape: tuple[int, ...]) -> None:
    for found, expected in zip(
        run(gated_norm, make(*shape), torch.float32), run(formula, make(*shape), torch.float32), strict=True
    ):
        assert torch.equal(found, expected)


@pytest.mark.parametrize(("shape", "dtype"), [((2, 3, 3, 24), torch.float32), ((2, 3, 3, 32), torch.float64)])
def test_what_the_kernel_cannot_take_is_left_to_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    inputs = [x.to(dtype) for x in make(*shape)]
    assert torch.equal(gated_norm(*inputs, EPS), formula(*inputs, EPS))


def test_another_backend_of_the_scan_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "torch")
    inputs = make(2, 3, 3, 32)
    assert torch.equal(gated_norm(*inputs, EPS), formula(*inputs, EPS))


def test_fewer_tensors_are_kept() -> None:
    """y and the gate, two numbers a position, and the weights; torch keeps two maps more."""
    inputs = [x.requires_grad_() for x in make(2, 4, 4, 32)]

    def kept(function: Callable[..., Tensor]) -> int:
        storages = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: storages.setdefault(x.untyped_storage().data_ptr(), x), lambda x: x
        ):
            function(*inputs, EPS)
        return sum(x.numel() for x in storages.values())

    assert kept(gated_norm) == 2 * 1024 + 2 * 32 + 2 * 32
    assert kept(formula) >= 4 * 1024
