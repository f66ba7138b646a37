"""Checks of the four-direction Triton kernels under the interpreter; test_triton_cross.py runs them by themselves."""

import inspect
from functools import cache

import pytest
import torch
from torch import Tensor
from triton.runtime import interpreter

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import ScanWeights, cross_scan
from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.cross_op import cross_backward_op, cross_op
from nnunet_cipa.ops.triton import cross_launch as triton_cross_launch
from nnunet_cipa.ops.triton import cross_layout as triton_cross_layout
from tests.ops.interpreted_triton import scan_slices
from tests.ops.test_cross_scan import assert_agree, make, run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the interpreter its element-wise scan, and its search of a module at every call of a function."""
    monkeypatch.setattr(interpreter.ScanOps, "generic_scan", scan_slices)
    monkeypatch.setattr(interpreter.inspect, "getmembers", cache(inspect.getmembers))


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch each direction by itself, its sequence in several spans of several short chunks, on three programs."""
    monkeypatch.setattr(triton_cross_layout, "_FEW", 0)
    monkeypatch.setattr(triton_cross_layout, "_CHUNK", 8)
    monkeypatch.setattr(triton_cross_layout, "_WARPS", 4)
    monkeypatch.setattr(triton_cross_launch, "programs_at_once", lambda _: 3)


@pytest.mark.usefixtures("nan_in_fresh_memory")
@pytest.mark.parametrize(
    ("shape", "rank", "states"), [((2, 2, 3, 33), 3, 4), ((1, 1, 9, 9), 10, 3), ((1, 5, 2, 32), 1, 16)]
)
def test_output_and_every_gradient(shape: tuple[int, int, int, int], rank: int, states: int) -> None:
    inputs = make(shape, rank, states)
    assert_agree(run(inputs, "triton", torch.float32), run(inputs, "reference", torch.float64), 2e-6)


@pytest.mark.usefixtures("nan_in_fresh_memory", "divided")
@pytest.mark.parametrize(("shape", "rank", "states"), [((1, 3, 7, 20), 2, 4), ((2, 5, 2, 33), 1, 1)])
def test_directions_and_spans_apart(shape: tuple[int, int, int, int], rank: int, states: int) -> None:
    inputs = make(shape, rank, states)
    layout = triton_cross_layout.layout_of(CrossArguments(inputs[0], inputs[0], *inputs[2:]))
    assert layout.together == 1
    assert (layout.spans > 1) is (shape[0] == 1)
    assert_agree(run(inputs, "triton", torch.float32), run(inputs, "reference", torch.float64), 2e-6)


@pytest.mark.parametrize("shift", [-95.0, 19.0, 1e4])
def test_extreme_step_sizes(shift: float) -> None:
    inputs = make((1, 2, 2, 5), 1, 2)
    inputs[3] = inputs[3].float().double() + shift
    inputs[5] = 0 * inputs[5]
    found, expected = run(inputs, "triton", torch.float32), run(inputs, "reference", torch.float64)
    for name, x in expected.items():
        assert (found[name] - x).norm() <= 2e-5 * x.norm() + 1e-30, name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    inputs = [x.to(dtype) for x in make((1, 2, 2, 8), 2, 2)]
    projections = torch.nn.functional.linear(inputs[0], inputs[1].flatten(0, 1)).unflatten(-1, (4, -1))
    arguments = (inputs[0], projections, *inputs[2:])
    exact = [x.float() for x in arguments]
    y, saved = cross_op(*arguments, True, "triton")
    assert y.dtype == torch.float32
    assert torch.equal(y, cross_op(*exact, False, "triton")[0])
    gradients = cross_backward_op(torch.ones_like(y), saved, *arguments, "triton")
    expected = cross_backward_op(torch.ones_like(y), saved, *exact, "triton")
    for found, x, argument in zip(gradients, expected, arguments, strict=True):
        assert found.dtype == argument.dtype
        torch.testing.assert_close(found, x.to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize("index", [0, 1, 4])
def test_nan_goes_where_the_reference_has_it(index: int) -> None:
    inputs = [x.float() for x in make((2, 3, 4, 5), 1, 3)]
    inputs[index].view(-1)[inputs[index].numel() // 3] = torch.nan
    found, expected = (cross_scan(inputs[0], ScanWeights(*inputs[1:]), name) for name in ("triton", "reference"))
    assert expected.isnan().any()
    assert torch.equal(found.isnan(), expected.isnan())


def test_infinity_stays_out_of_the_states_that_fill_a_tile() -> None:
    inputs = [x.float().abs() for x in make((1, 1, 1, 4), 1, 3)]
    inputs[4] *= -1
    inputs[3][:] = torch.inf
    found, expected = (cross_scan(inputs[0], ScanWeights(*inputs[1:]), name) for name in ("triton", "reference"))
    assert expected.isinf().all()
    torch.testing.assert_close(found, expected)


def test_memory_order_does_not_matter() -> None:
    inputs = [x.float() for x in make((1, 2, 3, 6), 2, 2)]
    strided = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in inputs]
    assert not strided[0].is_contiguous()
    found, expected = (run(x, "triton", torch.float32) for x in (strided, inputs))
    assert_agree(found, expected, 1e-6)


def test_operator_is_registered_as_torch_wants_it() -> None:
    x, x_proj, *weights = (tensor.float().requires_grad_() for tensor in make((1, 2, 2, 4), 1, 1))
    projections = torch.nn.functional.linear(x, x_proj.flatten(0, 1)).unflatten(-1, (4, -1)).detach().requires_grad_()
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")  # the others take minutes here
    torch.library.opcheck(cross_op, (x, projections, *weights, True, "triton"), test_utils=checks)


def test_compiles_to_one_graph() -> None:
    inputs = make((1, 2, 3, 4), 1, 2)
    compiled = torch.compile(
        lambda x, *weights: cross_scan(x, ScanWeights(*weights), "triton") * 2, fullgraph=True, backend="aot_eager"
    )
    results = []
    for function in (lambda x, *weights: cross_scan(x, ScanWeights(*weights), "reference") * 2, compiled):
        leaves = [x.float().requires_grad_() for x in inputs]
        y = function(*leaves)
        results.append([y, *torch.autograd.grad(y.sum(), leaves)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_what_is_kept_and_what_cannot_be_taken() -> None:
    x, *weights = (tensor.float().requires_grad_() for tensor in make((1, 2, 2, 4), 1, 1))
    y, saved = cross_op(x, torch.zeros(1, 2, 2, 4, 3), *weights[1:], False, "triton")
    assert saved.numel() == 0
    with pytest.raises(ValueError, match="kept"):
        y.sum().backward()
    with pytest.raises(CIPAError, match="it takes at most 128 states, not 129"):
        cross_scan(*_weights(make((1, 1, 1, 1), 1, 129)), "triton")
    with pytest.raises(CIPAError, match=r"it computes in float32, the tensors need torch\.float64"):
        cross_scan(x.double(), ScanWeights(*weights), "triton")
    empty, *weights = (tensor.float().requires_grad_() for tensor in make((0, 2, 2, 4), 1, 1))
    cross_scan(empty, ScanWeights(*weights), "triton").sum().backward()
    assert not weights[3].grad.any()


def _weights(inputs: list[Tensor]) -> tuple[Tensor, ScanWeights]:
    x, *weights = (tensor.float() for tensor in inputs)
    return x, ScanWeights(*weights)
