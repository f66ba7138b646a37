"""Inputs that are not numbers or far out of range spread as in the reference."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import selective_scan

BACKENDS = ("torch", "numba")


def kinds(x: Tensor) -> Tensor:
    """Number, NaN, infinity: 0, 1, 2 with the infinity's sign."""
    return x.isnan() + 2 * x.isinf() * x.sign().nan_to_num()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("states", [1, 3, 4, 16, 24])
@pytest.mark.parametrize("name", ["u", "delta", "B", "C", "A", "D", "delta_bias", "z"])
def test_nan_goes_where_the_reference_has_it(
    make_inputs: Callable[..., dict[str, Tensor]], backend: str, states: int, name: str
) -> None:
    inputs = {k: x.detach() for k, x in make_inputs(length=70, states=states, dtype=torch.float32).items()}
    inputs[name].view(-1)[inputs[name].numel() // 3] = torch.nan
    found = selective_scan(**inputs, delta_softplus=True, backend=backend)
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    assert 0 < expected.isnan().sum() < expected.numel()
    assert torch.equal(found.isnan(), expected.isnan())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("states", [1, 4, 16])
@pytest.mark.parametrize("name", ["u", "delta", "D", "delta_bias"])
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_goes_where_the_reference_has_it(
    make_inputs: Callable[..., dict[str, Tensor]], backend: str, states: int, name: str, sign: int
) -> None:
    inputs = {k: x.detach() for k, x in make_inputs(length=70, states=states, dtype=torch.float32).items()}
    inputs[name].view(-1)[inputs[name].numel() // 3] = sign * torch.inf
    found = selective_scan(**inputs, delta_softplus=True, backend=backend)
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    assert torch.equal(kinds(found), kinds(expected))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shift", [-1000.0, -95.0, -85.0, -20.0, 19.0, 21.0, 80.0, 1e4, 1e30])
def test_extreme_step_sizes(make_inputs: Callable[..., dict[str, Tensor]], backend: str, shift: float) -> None:
    inputs = {k: x.detach() for k, x in make_inputs(length=70).items() if k not in {"D", "z"}}
    inputs["delta"] = inputs["delta"].float().double() + shift
    results = []
    for dtype, name in ((torch.float64, "reference"), (torch.float32, backend)):
        leaves = {k: x.detach().to(dtype).requires_grad_() for k, x in inputs.items()}
        y = selective_scan(**leaves, delta_softplus=True, backend=name)
        y.sum().backward()
        results.append([y.double(), *(x.grad.double() for x in leaves.values())])
    for expected, found in zip(*results, strict=True):
        assert (found - expected).norm() <= 2e-5 * expected.norm() + 1e-30


@pytest.mark.parametrize("backend", BACKENDS)
def test_growth_overflows_to_infinity(backend: str) -> None:
    u = torch.ones(1, 2, 100)
    one = torch.ones(2, 1)
    y = selective_scan(u, u, 5 * one, one, one, backend=backend)
    expected = selective_scan(u, u, 5 * one, one, one, backend="reference")
    assert expected[0, 0, -1].isinf()
    assert torch.equal(y.isinf(), expected.isinf())
    finite = expected.isfinite()
    torch.testing.assert_close(y[finite], expected[finite], rtol=1e-4, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("delta", "A"), [(1.0, 200.0), (-200.0, -1.0)])
def test_one_step_of_growth_beyond_float32(backend: str, delta: float, A: float) -> None:
    u, steps, one = torch.ones(1, 2, 80), torch.full((1, 2, 80), 0.001), torch.ones(2, 1)
    steps[..., 50] = delta
    y = selective_scan(u, steps, A * one, one, one, backend=backend)
    expected = selective_scan(u, steps, A * one, one, one, backend="reference")
    assert expected[..., :50].isfinite().all()
    assert expected[..., 50].isinf().all()
    assert torch.equal(kinds(y), kinds(expected))
