"""The scan as an operator of torch: autocast, half precision, compilation, registration."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import registry, selective_scan
from nnunet_cipa.ops.arguments import ScanArguments, check_arguments
from nnunet_cipa.ops.scan_op import scan_backward_op, scan_op

Inputs = dict[str, Tensor]
BACKENDS = ("torch", "numba")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("constant", ["", "B"])
@pytest.mark.parametrize("optional", [True, False])
def test_operator_is_registered_as_torch_wants_it(
    make_inputs: Callable[..., Inputs], backend: str, constant: str, optional: bool
) -> None:
    inputs = make_inputs(channels=4, length=70, constant=constant, dtype=torch.float32)
    inputs = {name: x if optional or name not in {"D", "z", "delta_bias"} else None for name, x in inputs.items()}
    arguments = check_arguments(**inputs, delta_softplus=True)
    torch.library.opcheck(scan_op, (*arguments, backend))
    detached = [x.detach() if isinstance(x, Tensor) else x for x in arguments]
    y, last, saved = scan_op(*detached, backend)
    torch.library.opcheck(scan_backward_op, (torch.randn_like(y), torch.randn_like(last), saved, *detached, backend))


@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_is_computed_in_float32(
    make_inputs: Callable[..., Inputs], backend: str, dtype: torch.dtype
) -> None:
    inputs = {name: x.detach().to(dtype).requires_grad_() for name, x in make_inputs(length=200).items()}
    y, last = selective_scan(**inputs, delta_softplus=True, return_last_state=True, backend=backend)
    assert y.dtype == dtype
    assert last.dtype == torch.float32
    exact = {name: x.detach().double().requires_grad_() for name, x in inputs.items()}
    expected = selective_scan(**exact, delta_softplus=True, backend="reference")
    # Nothing but the last rounding separates them: half a unit in the last place, and what float32 adds.
    unit = torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), expected, rtol=0.51 * unit, atol=1e-4)
    y.backward(torch.ones_like(y))
    expected.backward(torch.ones_like(expected))
    for name, x in inputs.items():
        assert x.grad.dtype == dtype
        torch.testing.assert_close(x.grad.double(), exact[name].grad, rtol=4 * unit, atol=0.05)


@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
def test_autocast_leaves_the_scan_in_float32(make_inputs: Callable[..., Inputs], backend: str) -> None:
    inputs = make_inputs(length=200, dtype=torch.float32)
    expected = selective_scan(**inputs, delta_softplus=True, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        found = selective_scan(**inputs, delta_softplus=True, backend=backend)
        mixed = selective_scan(
            **inputs | {"u": inputs["u"].bfloat16(), "B": inputs["B"].bfloat16()}, delta_softplus=True, backend=backend
        )
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert mixed.dtype == torch.bfloat16
    mixed.float().sum().backward()
    assert inputs["B"].grad.isfinite().all()


def test_autocast_reaches_the_operator(make_inputs: Callable[..., Inputs], monkeypatch: pytest.MonkeyPatch) -> None:
    module = registry.scan_of("numba")
    forward, seen = module.forward, []

    def record(arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
        seen.extend(x.dtype for x in arguments if isinstance(x, Tensor))
        return forward(arguments)

    monkeypatch.setattr(module, "forward", record)
    inputs = make_inputs(dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert selective_scan(**inputs, backend="numba").dtype == torch.bfloat16
    assert set(seen) == {torch.float32}


@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
def test_compiles_to_one_graph(make_inputs: Callable[..., Inputs], backend: str) -> None:
    torch._dynamo.reset()
    check_compiled(make_inputs, "aot_eager", backend)


@pytest.mark.slow
def test_compiles_with_inductor(make_inputs: Callable[..., Inputs]) -> None:
    torch._dynamo.reset()
    check_compiled(make_inputs, "inductor", None)


def check_compiled(make_inputs: Callable[..., Inputs], compiler: str, backend: str | None) -> None:
    def block(inputs: Inputs) -> Tensor:
        return selective_scan(**inputs, delta_softplus=True, backend=backend) * 2

    compiled = torch.compile(block, fullgraph=True, backend=compiler)
    results = []
    for function in (block, compiled):
        inputs = make_inputs(length=20, dtype=torch.float32)
        y = function(inputs)
        y.sum().backward()
        results.append([y, *(x.grad for x in inputs.values())])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_compiles_for_lengths_that_change(make_inputs: Callable[..., Inputs]) -> None:
    torch._dynamo.reset()
    graphs = []

    def count(module: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., object]:
        graphs.append(module)
        return module.forward

    compiled = torch.compile(lambda x: selective_scan(**x, delta_softplus=True), fullgraph=True, backend=count)
    for length in (20, 33, 70, 131, 200):
        inputs = make_inputs(length=length, dtype=torch.float32)
        expected = selective_scan(**inputs, delta_softplus=True)
        torch.testing.assert_close(compiled(inputs), expected, rtol=0, atol=0)
    assert len(graphs) <= 3


def test_only_what_needs_a_gradient_gets_one(make_inputs: Callable[..., Inputs]) -> None:
    inputs = {name: x.detach() for name, x in make_inputs(dtype=torch.float32).items()}
    assert not selective_scan(**inputs).requires_grad
    inputs["D"].requires_grad_()
    selective_scan(**inputs).sum().backward()
    assert inputs["D"].grad is not None
    assert inputs["u"].grad is None
