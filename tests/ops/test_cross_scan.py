"""The four-direction scan in one operator against the sequences of the reference, put in order one by one."""

import pytest
import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import ScanWeights, choice, cross_scan, registry
from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.cross_op import cross_backward_op, cross_op

NAMES = ("x", *ScanWeights._fields)
TOLERANCE = 3e-6  # relative, L2


def make(
    shape: tuple[int, int, int, int] = (2, 5, 7, 24), rank: int = 3, states: int = 4, seed: int = 0
) -> list[Tensor]:
    """Draw a map and weights whose decays and step sizes are those of a trained network, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64)

    channels = shape[3]
    return [
        draw(*shape),
        draw(4, rank + 2 * states, channels) * channels**-0.5,
        draw(4, channels, rank) * rank**-0.5,
        draw(4, channels) - 1,
        -draw(4, channels, states).abs() * states - 0.1,
        draw(4, channels),
    ]


def run(inputs: list[Tensor], backend: str | None, dtype: torch.dtype) -> dict[str, Tensor]:
    """Scan, differentiate a fixed projection of the output, and return all results in float64."""
    leaves = [x.detach().to(dtype).requires_grad_() for x in inputs]
    y = cross_scan(leaves[0], ScanWeights(*leaves[1:]), backend)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = torch.autograd.grad(y, leaves, weights.to(dtype))
    return {"y": y.detach().double()} | {name: x.double() for name, x in zip(NAMES, gradients, strict=True)}


def assert_agree(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = TOLERANCE) -> None:
    errors = {name: float((found[name] - x).norm() / x.norm()) for name, x in expected.items()}
    assert max(errors.values()) < tolerance, errors


SHAPES = [(2, 5, 7, 24), (1, 1, 70, 16), (3, 67, 1, 8), (1, 9, 17, 40), (13, 2, 3, 32), (2, 13, 11, 17), (1, 8, 16, 64)]


@pytest.mark.usefixtures("nan_in_fresh_memory")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rank", "states"), [(1, 2), (3, 16), (5, 3)])
def test_output_and_every_gradient(shape: tuple[int, int, int, int], rank: int, states: int) -> None:
    inputs = make(shape, rank, states)
    assert_agree(run(inputs, "numba", torch.float32), run(inputs, "reference", torch.float64))


@pytest.mark.parametrize("threads", [1, 3])
def test_every_division_into_tasks(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for shape in ((1, 9, 17, 40), (2, 9, 8, 200), (13, 4, 4, 16)):
            inputs = make(shape)
            first = run(inputs, "numba", torch.float32)
            assert_agree(first, run(inputs, "torch", torch.float64))
            again = run(inputs, "numba", torch.float32)
            assert all(torch.equal(first[name], again[name]) for name in first)
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "states"), [(6, 16), (6, 4)])  # the first stage of the encoder and of the decoder
def test_a_map_of_the_networks_size(rank: int, states: int) -> None:
    """16,384 steps: as exact on any number of threads, and the same bits in every run."""
    inputs = make((1, 128, 128, 32), rank, states)
    inputs[3] = inputs[3] - 3
    expected = run(inputs, "torch", torch.float64)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            first, again = (run(inputs, "numba", torch.float32) for _ in range(2))
            assert_agree(first, expected, 1e-5)
            assert [name for name in first if not torch.equal(first[name], again[name])] == []
    finally:
        torch.set_num_threads(before)


def test_growing_states() -> None:
    inputs = make((2, 4, 6, 20))
    inputs[4] = -0.02 * inputs[4]
    assert_agree(run(inputs, "numba", torch.float32), run(inputs, "reference", torch.float64))


@pytest.mark.parametrize("shift", [-1000.0, -95.0, -85.0, -20.0, 19.0, 21.0, 80.0, 1e4, 1e30])
def test_extreme_step_sizes(shift: float) -> None:
    inputs = make()
    inputs[3] = inputs[3].float().double() + shift
    inputs[5] = 0 * inputs[5]
    found, expected = run(inputs, "numba", torch.float32), run(inputs, "reference", torch.float64)
    for name, x in expected.items():
        assert (found[name] - x).norm() <= 2e-5 * x.norm() + 1e-30, name


@pytest.mark.parametrize("index", range(len(NAMES)))
def test_nan_goes_where_the_reference_has_it(index: int) -> None:
    inputs = [x.float() for x in make((2, 5, 14, 24))]
    inputs[index].view(-1)[inputs[index].numel() // 3] = torch.nan
    found, expected = (cross_scan(inputs[0], ScanWeights(*inputs[1:]), name) for name in ("numba", "reference"))
    assert expected.isnan().any()
    assert torch.equal(found.isnan(), expected.isnan())


def test_memory_order_does_not_matter() -> None:
    inputs = [x.float() for x in make()]
    strided = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in inputs]
    assert not strided[0].is_contiguous()
    found, expected = (run(x, "numba", torch.float32) for x in (strided, inputs))
    assert_agree(found, expected, 1e-6)


def test_gradcheck_of_the_composition() -> None:
    leaves = [x.requires_grad_() for x in make((1, 2, 3, 2), 1, 1)]
    assert torch.autograd.gradcheck(lambda x, *weights: cross_scan(x, ScanWeights(*weights), "torch"), leaves)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_is_computed_in_float32(dtype: torch.dtype) -> None:
    inputs = [x.to(dtype) for x in make()]
    projections = torch.nn.functional.linear(inputs[0], inputs[1].flatten(0, 1)).unflatten(-1, (4, -1))
    y, _ = cross_op(inputs[0], projections, *inputs[2:], False, "numba")
    exact = [x.float() for x in (inputs[0], projections, *inputs[2:])]
    assert y.dtype == torch.float32
    assert torch.equal(y, cross_op(*exact, False, "numba")[0])
    assert cross_scan(inputs[0], ScanWeights(*inputs[1:])).dtype == dtype


@pytest.mark.parametrize("backend", ["numba", "torch", "reference"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_costs_its_own_rounding_and_no_more(backend: str, dtype: torch.dtype) -> None:
    """Along 1,024 steps, output and every gradient: states in half precision would lose all their digits."""
    inputs = [x.to(dtype).double() for x in make((1, 32, 32, 16), 3, 4)]
    found, expected = run(inputs, backend, dtype), run(inputs, "torch", torch.float64)
    assert_agree(found, expected, torch.finfo(dtype).eps)


def test_autocast_reaches_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    module = registry.cross_scan_of("numba")
    forward, seen = module.forward, []

    def record(arguments: CrossArguments, keep: bool) -> tuple[Tensor, Tensor]:
        seen.extend(x.dtype for x in arguments)
        return forward(arguments, keep)

    monkeypatch.setattr(module, "forward", record)
    x, *weights = (tensor.bfloat16() for tensor in make())
    with torch.autocast("cpu", torch.bfloat16):
        assert cross_scan(x, ScanWeights(*weights)).dtype == torch.bfloat16
    assert set(seen) == {torch.float32}


@pytest.mark.parametrize("keep", [True, False])
def test_operator_is_registered_as_torch_wants_it(keep: bool) -> None:
    x, x_proj, *weights = (tensor.float().requires_grad_(keep) for tensor in make((2, 9, 8, 24)))
    projections = (
        torch.nn.functional.linear(x, x_proj.flatten(0, 1)).unflatten(-1, (4, -1)).detach().requires_grad_(keep)
    )
    arguments = (x, projections, *weights)
    torch.library.opcheck(cross_op, (*arguments, keep, "numba"))
    if keep:
        detached = [tensor.detach() for tensor in arguments]
        y, saved = cross_op(*detached, True, "numba")
        torch.library.opcheck(cross_backward_op, (torch.randn_like(y), saved, *detached, "numba"))


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    inputs = [x.float().requires_grad_() for x in make((1, 9, 8, 16))]
    projections = torch.zeros(1, 9, 8, 4, 11)
    kept = [cross_op(inputs[0], projections, *inputs[2:], keep, "numba") for keep in (True, False)]
    assert torch.equal(kept[0][0], kept[1][0])
    assert (kept[0][1].numel() > 0, kept[1][1].numel()) == (True, 0)
    with pytest.raises(ValueError, match="kept"):
        kept[1][0].sum().backward()
    with torch.no_grad():
        y = cross_scan(inputs[0], ScanWeights(*inputs[1:]))
    assert not y.requires_grad
    assert torch.equal(y, cross_scan(inputs[0], ScanWeights(*inputs[1:])))


def test_compiles_to_one_graph() -> None:
    torch._dynamo.reset()
    inputs = make()

    def scan(x: Tensor, *weights: Tensor) -> Tensor:
        return cross_scan(x, ScanWeights(*weights)) * 2

    compiled = torch.compile(scan, fullgraph=True, backend="aot_eager")
    results = []
    for function in (scan, compiled):
        leaves = [x.float().requires_grad_() for x in inputs]
        y = function(*leaves)
        results.append([y, *torch.autograd.grad(y.sum(), leaves)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def refuse(*_: object) -> None:
    raise RuntimeError("the scan of maps")


def test_a_backend_that_cannot_scan_a_map_scans_its_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make()
    expected = run(inputs, "reference", torch.float64)
    assert_agree(run(inputs, "torch", torch.float32), expected)
    assert_agree(run(inputs, None, torch.float64), expected, 1e-12)
    monkeypatch.setattr(registry.cross_scan_of("numba"), "forward", refuse)
    with pytest.raises(RuntimeError, match="the scan of maps"):
        run(inputs, None, torch.float32)
    monkeypatch.setenv(choice.ENVIRONMENT_VARIABLE, "torch")
    assert_agree(run(inputs, None, torch.float32), expected)


def test_no_element_in_the_batch() -> None:
    x, *weights = (tensor.float().requires_grad_() for tensor in make((0, 5, 7, 24)))
    y = cross_scan(x, ScanWeights(*weights), "numba")
    assert y.shape == x.shape
    y.sum().backward()
    assert not weights[3].grad.any()


@pytest.mark.parametrize("index", range(1, len(NAMES)))
def test_weights_that_do_not_fit_are_refused(index: int) -> None:
    inputs = make()
    inputs[index] = inputs[index][..., :-1, :] if inputs[index].ndim == 3 else inputs[index][:, :-1]
    with pytest.raises(CIPAError, match=r"has shape .* must be"):
        cross_scan(inputs[0], ScanWeights(*inputs[1:]))


def test_a_map_without_a_batch_is_refused() -> None:
    x, *weights = make()
    with pytest.raises(CIPAError, match=r"\(b, h, w, d\)"):
        cross_scan(x[0], ScanWeights(*weights))


@pytest.fixture(autouse=True)
def no_forced_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choice.ENVIRONMENT_VARIABLE, raising=False)
