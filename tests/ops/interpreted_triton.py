"""Checks of the Triton kernels under Triton's interpreter; test_triton.py runs them in a process of its own."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from triton.runtime import interpreter

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import available_backends, selective_scan
from nnunet_cipa.ops.arguments import ScanArguments, check_arguments
from nnunet_cipa.ops.reference.scan import selective_scan_reference
from nnunet_cipa.ops.scan_op import scan_backward_op, scan_op
from nnunet_cipa.ops.triton import scan as triton_scan
from nnunet_cipa.ops.triton.layout import Division

Inputs = dict[str, Tensor]
TOLERANCE = 3e-6  # relative, L2


def scan_slices(self: interpreter.ScanOps, operands: tuple[object, ...]) -> list[object]:
    """Scan slice by slice, where the interpreter goes element by element, a thousand times as slowly."""
    moved = [np.moveaxis(x.handle.data, self.axis, 0) for x in operands]
    results = [x.copy() for x in moved]
    for i in range(1, len(moved[0])):
        before = [self.to_tensor(x[i - 1], tensor.dtype) for x, tensor in zip(results, operands, strict=True)]
        here = [self.to_tensor(x[i], tensor.dtype) for x, tensor in zip(moved, operands, strict=True)]
        for x, value in zip(results, self.combine_fn.fn(*before, *here), strict=True):
            x[i] = value.handle.data
    arrays = (np.ascontiguousarray(np.moveaxis(x, 0, self.axis)) for x in results)
    return [self.to_tensor(x, tensor.dtype) for x, tensor in zip(arrays, operands, strict=True)]


@pytest.fixture(autouse=True)
def quick_scans(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "own_scan" not in request.keywords:
        monkeypatch.setattr(interpreter.ScanOps, "generic_scan", scan_slices)


def reference(inputs: Inputs, *, softplus: bool = True, flip: bool = False) -> dict[str, Tensor]:
    return run(inputs, lambda x: selective_scan_reference(x)[:2], softplus=softplus, flip=flip)


def run(
    inputs: Inputs, scan: Callable[[ScanArguments], tuple[Tensor, Tensor]], *, softplus: bool = True, flip: bool = False
) -> dict[str, Tensor]:
    """Scan by torch's own differentiation; ``flip`` walks the sequences backwards by turning them around."""
    leaves = {name: x.detach().double().requires_grad_() for name, x in inputs.items()}
    turned = {n: x.flip(-1) if flip and (n in {"u", "delta"} or x.dim() > 2) else x for n, x in leaves.items()}
    y, last = scan(arguments_of(turned, softplus=softplus))
    torch.autograd.backward([y.flip(-1) if flip else y, last], weights_of(y, last))
    results = {"y": y.flip(-1) if flip else y, "last_state": last}
    results |= {f"gradient of {name}": x.grad for name, x in leaves.items()}
    return {name: x.detach() for name, x in results.items()}


def triton(inputs: Inputs, *, softplus: bool = True, reverse: bool = False) -> dict[str, Tensor]:
    """Call the backend's two passes as the operator does."""
    arguments = arguments_of({name: x.detach() for name, x in inputs.items()}, softplus=softplus)
    y, last, saved = triton_scan.forward(arguments, reverse=reverse)
    assert saved.shape == triton_scan.saved_shape(arguments)
    weights = [w.float() for w in weights_of(y, last)]
    grads = triton_scan.backward(*weights, saved, arguments, reverse=reverse)
    results = {"y": y, "last_state": last}
    for name, x, grad in zip(ScanArguments._fields, arguments, grads, strict=False):
        if grad is not None:
            # A constant B or C reaches the backend as (b, d, n, 1).
            results[f"gradient of {name}"] = grad.sum(0)[..., 0] if inputs[name].dim() == 2 < x.dim() else grad
    return {
        name: x.double().reshape(inputs[name.split()[-1]].shape) if name.startswith("grad") else x.double()
        for name, x in results.items()
    }


def arguments_of(inputs: Inputs, *, softplus: bool) -> ScanArguments:
    optional = {"D": None, "delta_bias": None} | inputs
    return check_arguments(**optional, z=None, delta_softplus=softplus)


def weights_of(*outputs: Tensor) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(x.shape, generator=generator, dtype=torch.float64) for x in outputs]


def assert_agree(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = TOLERANCE) -> None:
    assert set(found) == set(expected)
    errors = {name: float((found[name] - x).norm() / (x.norm() + 1e-30)) for name, x in expected.items()}
    assert all(error < tolerance for error in errors.values()), errors


@pytest.fixture
def draw(make_inputs: Callable[..., Inputs]) -> Callable[..., Inputs]:
    """Draw the arguments of a scan, in float32, without the gate, which is not the kernels'."""

    def make(length: int, states: int, groups: int | None = 2, dtype: torch.dtype = torch.float32, **more) -> Inputs:
        inputs = make_inputs(more.pop("batch", 1), more.pop("channels", 4), length, states, groups, **more)
        return {name: x.detach().to(dtype) for name, x in inputs.items() if name != "z"}

    return make


@pytest.fixture(params=[False, True], ids=["one after another", "side by side"])
def parallel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide the work both ways, with more than one split."""
    monkeypatch.setattr(triton_scan, "divide", lambda *_, **__: Division(2, request.param))


@pytest.mark.usefixtures("parallel", "nan_in_fresh_memory")
@pytest.mark.parametrize(
    ("length", "states", "groups"),
    [(1, 1, None), (7, 8, 2), (63, 1, 4), (65, 16, 1), (257, 16, 2), (515, 3, 1), (20, 40, 2)],
)
def test_outputs_and_gradients(draw: Callable[..., Inputs], length: int, states: int, groups: int | None) -> None:
    inputs = draw(length, states, groups, batch=2 if length < 64 else 1)
    assert_agree(triton(inputs), reference(inputs))


@pytest.mark.usefixtures("parallel", "nan_in_fresh_memory")
@pytest.mark.parametrize("constant", ["B", "C", "BC"])
def test_constant_matrices(draw: Callable[..., Inputs], constant: str) -> None:
    inputs = draw(257, 3, 2, channels=2, constant=constant)
    assert_agree(triton(inputs), reference(inputs))


@pytest.mark.usefixtures("parallel", "nan_in_fresh_memory")
def test_walking_backwards(draw: Callable[..., Inputs]) -> None:
    inputs = draw(300, 4, channels=2)
    assert_agree(triton(inputs, reverse=True), reference(inputs, flip=True))


@pytest.mark.parametrize("without", [("D",), ("delta_bias",), ("D", "delta_bias")])
def test_optional_arguments(draw: Callable[..., Inputs], without: tuple[str, ...]) -> None:
    inputs = {name: x for name, x in draw(40, 2).items() if name not in without}
    assert_agree(triton(inputs), reference(inputs))


@pytest.mark.usefixtures("parallel")
@pytest.mark.parametrize("sign", [1, -1])
def test_raw_delta_and_growing_states(draw: Callable[..., Inputs], sign: int) -> None:
    inputs = draw(300, 3, groups=1, channels=2)
    inputs |= {"delta": inputs["delta"] * 0.02, "delta_bias": inputs["delta_bias"] * 0.01, "A": inputs["A"] * sign}
    assert_agree(triton(inputs, softplus=False), reference(inputs, softplus=False), 1e-5)


@pytest.mark.usefixtures("parallel")
@pytest.mark.parametrize("shift", [-1000.0, -95.0, -85.0, -20.0, 19.0, 21.0, 80.0, 1e4, 1e30])
def test_extreme_step_sizes(draw: Callable[..., Inputs], shift: float) -> None:
    inputs = draw(260, 2, groups=1, channels=2)
    inputs["delta"] += shift
    del inputs["D"]
    found, expected = triton(inputs), reference(inputs)
    for name, x in expected.items():
        assert (found[name] - x).norm() <= 2e-5 * x.norm() + 1e-30, name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(draw: Callable[..., Inputs], dtype: torch.dtype) -> None:
    inputs = draw(65, 4, dtype=dtype)
    found = triton(inputs)
    assert_agree(found, reference(inputs))
    leaves = {name: x.requires_grad_() for name, x in inputs.items()}
    y = selective_scan(**leaves, delta_softplus=True, backend="triton")
    y.sum().backward()
    assert y.dtype == dtype
    torch.testing.assert_close(y, found["y"].to(dtype), rtol=0, atol=0)
    assert all(x.grad.dtype == dtype for x in leaves.values())


def test_mixed_types_and_strides(draw: Callable[..., Inputs]) -> None:
    inputs = draw(65, 4)
    expected = reference(inputs | {"u": inputs["u"].bfloat16()})
    both = torch.cat([inputs["B"], inputs["C"]], dim=2)
    views = {
        "B": both[:, :, :4],
        "C": both[:, :, 4:],
        "delta": inputs["delta"].transpose(0, 2).contiguous().transpose(0, 2),
    }
    assert not any(x.is_contiguous() for x in views.values())
    assert_agree(triton(inputs | views | {"u": inputs["u"].bfloat16()}), expected)


@pytest.mark.own_scan
def test_with_the_interpreters_own_scan(draw: Callable[..., Inputs]) -> None:
    inputs = draw(5, 2, batch=1, channels=2)
    assert_agree(triton(inputs), reference(inputs))


@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 0)])
def test_nothing_to_scan(draw: Callable[..., Inputs], batch: int, length: int) -> None:
    leaves = {name: x.requires_grad_() for name, x in draw(length, 3, batch=batch, channels=8).items()}
    y, last = selective_scan(**leaves, return_last_state=True, backend="triton")
    assert y.shape == leaves["u"].shape
    assert last.shape == (batch, 8, 3)
    assert not last.any()
    (y.sum() + last.sum()).backward()
    assert not leaves["A"].grad.any()


@pytest.mark.parametrize("name", ["u", "delta", "B", "C", "A", "D", "delta_bias"])
def test_nan_goes_where_the_reference_has_it(draw: Callable[..., Inputs], name: str) -> None:
    inputs = draw(70, 3, batch=2)
    inputs[name].view(-1)[inputs[name].numel() // 3] = torch.nan
    found = selective_scan(**inputs, delta_softplus=True, backend="triton")
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    assert 0 < expected.isnan().sum() < expected.numel()
    assert torch.equal(found.isnan(), expected.isnan())


def test_infinity_stays_out_of_the_states_that_fill_a_tile(draw: Callable[..., Inputs]) -> None:
    inputs = {name: x.abs() for name, x in draw(20, 3).items()}
    inputs["A"] *= -1
    inputs["delta"][0, 1, 7] = torch.inf
    found = selective_scan(**inputs, delta_softplus=True, backend="triton")
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    assert expected[0, 1, 7:].isinf().all()
    torch.testing.assert_close(found, expected)


def test_operator_is_registered_as_torch_wants_it(draw: Callable[..., Inputs]) -> None:
    arguments = arguments_of({name: x.requires_grad_() for name, x in draw(20, 2).items()}, softplus=True)
    torch.library.opcheck(scan_op, (*arguments, "triton"))
    detached = [x.detach() if isinstance(x, Tensor) else x for x in arguments]
    y, last, saved = scan_op(*detached, "triton")
    operands = (torch.randn_like(y), torch.randn_like(last), saved, *detached, "triton")
    torch.library.opcheck(scan_backward_op, operands)


def test_gradients_by_differences(draw: Callable[..., Inputs]) -> None:
    inputs = draw(9, 2, batch=1, channels=2, groups=1)
    found = triton(inputs)
    for name, x in inputs.items():
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

        def projection(step: float, name: str = name, direction: Tensor = direction) -> float:
            moved = {n: t.double() for n, t in inputs.items()}
            moved[name] = moved[name] + step * direction
            y, last = selective_scan_reference(arguments_of(moved, softplus=True))
            return sum(float((w * t).sum()) for w, t in zip(weights_of(y, last), (y, last), strict=True))

        slope = (projection(1e-5) - projection(-1e-5)) / 2e-5
        assert math.isclose(float((found[f"gradient of {name}"] * direction).sum()), slope, rel_tol=1e-5, abs_tol=1e-5)


def test_backend_is_usable_and_says_what_it_cannot_take(draw: Callable[..., Inputs]) -> None:
    usable, reason = available_backends()["triton"]
    assert usable
    assert "interpreter" in reason
    with pytest.raises(CIPAError, match=r"it computes in float32, the tensors need torch\.float64"):
        selective_scan(**draw(5, 2, dtype=torch.float64), backend="triton")
    with pytest.raises(CIPAError, match="it takes at most 128 states, not 129"):
        selective_scan(**draw(2, 129), backend="triton")
