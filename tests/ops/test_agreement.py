"""Every backend against the reference in float64: outputs, last state and every gradient."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import selective_scan

Inputs = dict[str, Tensor]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6}  # relative, L2


def run(inputs: Inputs, backend: str, dtype: torch.dtype, *, softplus: bool = True) -> dict[str, Tensor]:
    """Scan, differentiate a fixed projection of the outputs, and return all results in float64."""
    leaves = {name: x.detach().to(dtype).requires_grad_() for name, x in inputs.items()}
    y, last = selective_scan(**leaves, delta_softplus=softplus, return_last_state=True, backend=backend)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(x.shape, generator=generator, dtype=torch.float64).to(dtype) for x in (y, last)]
    torch.autograd.backward([y, last], weights)
    results = {"y": y, "last_state": last} | {f"gradient of {name}": x.grad for name, x in leaves.items()}
    return {name: x.detach().double() for name, x in results.items()}


def assert_agree(
    inputs: Inputs,
    backend: str,
    dtype: torch.dtype,
    *,
    softplus: bool = True,
    expected: dict[str, Tensor] | None = None,
) -> None:
    expected = expected or run(inputs, "reference", torch.float64, softplus=softplus)
    found = run(inputs, backend, dtype, softplus=softplus)
    scale = {name: x.norm() for name, x in expected.items()}
    errors = {name: float((found[name] - x).norm() / scale[name]) for name, x in expected.items() if scale[name]}
    assert {name for name, x in found.items() if x.norm()} == set(errors)
    assert max(errors.values()) < TOLERANCE[dtype], errors


LENGTHS = (1, 2, 31, 33, 64, 65, 257)
GROUPS = (None, 1, 2, 4)
STATES = (1, 3, 4, 8, 16, 24)


@pytest.fixture(scope="module")
def reference_results() -> dict[object, dict[str, Tensor]]:
    """Results of the reference, which is slow, shared by the backends."""
    return {}


@pytest.mark.usefixtures("nan_in_fresh_memory")
@pytest.mark.parametrize("states", STATES)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("backend", "dtype"), [("torch", torch.float64), ("torch", torch.float32), ("numba", torch.float32)]
)
def test_lengths_and_states(
    make_inputs: Callable[..., Inputs],
    reference_results: dict[object, dict[str, Tensor]],
    backend: str,
    dtype: torch.dtype,
    length: int,
    states: int,
) -> None:
    for groups in GROUPS:
        inputs = make_inputs(length=length, states=states, groups=groups)
        key = (length, states, groups)
        if key not in reference_results:
            reference_results[key] = run(inputs, "reference", torch.float64)
        assert_agree(inputs, backend, dtype, expected=reference_results[key])


@pytest.mark.slow
@pytest.mark.parametrize("states", [4, 16])
def test_the_longest_sequence_of_the_network(make_inputs: Callable[..., Inputs], states: int) -> None:
    inputs = make_inputs(1, 16, 16384, states, 4)
    expected = run(inputs, "torch", torch.float64)  # held to the reference above
    for backend in ("torch", "numba"):
        assert_agree(inputs, backend, torch.float32, expected=expected)


@pytest.mark.usefixtures("nan_in_fresh_memory")
@pytest.mark.parametrize("constant", ["B", "C", "BC"])
@pytest.mark.parametrize("states", [1, 4, 16, 24])
@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
def test_constant_matrices(
    make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype, states: int, constant: str
) -> None:
    for length in (1, 70):
        for groups in GROUPS:
            inputs = make_inputs(length=length, states=states, groups=groups, constant=constant)
            assert_agree(inputs, backend, dtype)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
@pytest.mark.parametrize("channels", [6, 10, 17, 40])
def test_channels_that_do_not_fill_the_lanes(
    make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype, channels: int
) -> None:
    for states in (1, 3, 4):
        for groups in (1, 2) if channels % 2 == 0 else (1, 17):
            assert_agree(make_inputs(3, channels, 90, states, groups), backend, dtype)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
def test_group_counts_may_differ(make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype) -> None:
    inputs = make_inputs(groups=4)
    inputs["C"] = make_inputs(groups=None)["C"]
    assert_agree(inputs, backend, dtype)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
def test_raw_delta_and_growing_states(make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype) -> None:
    inputs = make_inputs(length=80)
    inputs["delta"] = inputs["delta"].detach() * 0.05
    inputs["delta_bias"] = inputs["delta_bias"].detach() * 0.01
    assert_agree(inputs, backend, dtype, softplus=False)
    inputs["A"] = -inputs["A"].detach()
    assert_agree(inputs, backend, dtype, softplus=False)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
@pytest.mark.parametrize("without", [("D",), ("z",), ("delta_bias",), ("D", "z", "delta_bias")])
def test_optional_arguments(
    make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype, without: tuple[str, ...]
) -> None:
    inputs = make_inputs(length=70)
    for name in without:
        del inputs[name]
    assert_agree(inputs, backend, dtype)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", torch.float64), ("numba", torch.float32)])
def test_memory_order_does_not_matter(make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype) -> None:
    inputs = make_inputs(length=70)

    def reorder(x: Tensor) -> Tensor:
        return x.detach().transpose(0, -1).contiguous().transpose(0, -1).requires_grad_()

    strided = {name: reorder(x) for name, x in inputs.items()}
    assert not strided["u"].is_contiguous()
    leaves = {name: x.to(dtype).detach().requires_grad_() for name, x in strided.items()}
    assert not leaves["u"].is_contiguous()
    y = selective_scan(**leaves, delta_softplus=True, backend=backend)
    y.backward(torch.ones_like(y).expand_as(y))
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    expected.sum().backward()
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)
    for name, x in inputs.items():
        torch.testing.assert_close(leaves[name].grad.double(), x.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 0)])
def test_nothing_to_scan(make_inputs: Callable[..., Inputs], backend: str, batch: int, length: int) -> None:
    inputs = make_inputs(batch=batch, length=length, dtype=torch.float32)
    y, last = selective_scan(**inputs, return_last_state=True, backend=backend)
    assert y.shape == inputs["u"].shape
    assert last.shape == (batch, 8, 3)
    assert not last.any()
    (y.sum() + last.sum()).backward()
    assert not inputs["A"].grad.any()


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_gradcheck(make_inputs: Callable[..., Inputs], backend: str) -> None:
    inputs = make_inputs(batch=1, channels=4, length=5, states=2)
    names = list(inputs)

    def scan(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        named = dict(zip(names, tensors, strict=True))
        return selective_scan(**named, delta_softplus=True, return_last_state=True, backend=backend)

    assert torch.autograd.gradcheck(scan, tuple(inputs.values()))


def test_reference_can_be_differentiated_twice(make_inputs: Callable[..., Inputs]) -> None:
    inputs = make_inputs(batch=1, channels=2, length=3, states=2)
    names = list(inputs)

    def scan(*tensors: Tensor) -> Tensor:
        return selective_scan(**dict(zip(names, tensors, strict=True)), delta_softplus=True, backend="reference")

    assert torch.autograd.gradgradcheck(scan, tuple(inputs.values()))
