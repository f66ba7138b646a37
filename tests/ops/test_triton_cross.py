"""The four-direction scan in Triton: under the interpreter, its division, and on the device where there is one."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import ScanWeights, available_backends, cross_scan, registry
from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.cross_op import cross_backward_op, cross_op
from nnunet_cipa.ops.directions import scan_sequences, sum_directions, to_directions
from nnunet_cipa.ops.triton import cross_layout as triton_cross_layout
from tests.ops.test_cross_scan import assert_agree, make
from tests.ops.test_triton import needs_triton, run_python


@needs_triton
@pytest.mark.slow
def test_kernels_agree_with_the_reference_in_the_interpreter() -> None:
    file = str(Path(__file__).parent / "interpreted_triton_cross.py")
    result = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", file, TRITON_INTERPRET="1")
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert " passed" in result.stdout


NAMES = ("y", *CrossArguments._fields)


def scan_projected(x: Tensor, projections: Tensor, dt_proj: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """Do what the operator does by scans of sequences that are put in order."""
    height, width = x.shape[1:3]
    maps = x.permute(0, 3, 1, 2).unsqueeze(1).expand(-1, 4, -1, -1, -1)
    rows = projections.permute(0, 3, 4, 1, 2)
    weights = ScanWeights(dt_proj.new_empty(0), dt_proj, dt_bias, A, D)
    y = scan_sequences(to_directions(maps), to_directions(rows), weights, "torch")
    return sum_directions(y, height, width).permute(0, 2, 3, 1)


def test_what_the_kernels_are_held_to_on_the_device_is_the_operator() -> None:
    x, x_proj, *weights = make((2, 3, 5, 8))
    projections = torch.nn.functional.linear(x, x_proj.flatten(0, 1)).unflatten(-1, (4, -1))
    found = scan_projected(x, projections, *weights)
    torch.testing.assert_close(found, cross_scan(x, ScanWeights(x_proj, *weights), "reference"))


def sizes(batch: int, side: int, channels: int, states: int = 16) -> CrossArguments:
    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta")

    rank = channels // 32
    projections = empty(batch, side, side, 4, rank + 2 * states)
    weights = (empty(4, channels, rank), empty(4, channels), empty(4, channels, states), empty(4, channels))
    return CrossArguments(empty(batch, side, side, channels), projections, *weights)


# The maps of CIPA tiny at 512 x 512 for one pair and for a batch of eight, and DCIM's windows.
@pytest.mark.parametrize(
    ("batch", "side", "channels", "together", "spans"),
    [(2, 128, 192, 4, True), (16, 128, 192, 1, True), (2, 16, 1536, 4, True), (8192, 4, 384, 1, False)],
)
def test_a_gpu_with_many_processors_is_filled(
    monkeypatch: pytest.MonkeyPatch, batch: int, side: int, channels: int, together: int, spans: bool
) -> None:
    monkeypatch.setattr(triton_cross_layout, "processors", lambda _: 132)
    arguments = sizes(batch, side, channels)
    layout = triton_cross_layout.layout_of(arguments)
    assert layout.together == together
    assert (layout.spans > 1) is spans
    programs = batch * together * channels // 32 * layout.spans
    assert programs >= min(132 * 4, batch * together * channels // 32 * (side * side // 64))
    assert layout.span % layout.chunk == 0
    assert (layout.spans - 1) * layout.span < side * side <= layout.spans * layout.span
    # What is kept has at 16 states as many elements as x, but where a map has less than a chunk.
    kept = torch.Size(triton_cross_layout.saved_shape_of(arguments)).numel()
    assert kept * layout.chunk == 4 * arguments.x.numel() * 16


def test_cuda_gets_it_and_others_keep_their_sequences() -> None:
    assert {backend.name for backend in registry.backends() if backend.cross} == {"numba", "triton"}
    module = registry.cross_scan_of("triton")
    assert module.saved_shape(sizes(1, 8, 32), False) == (0,) * 6


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("shape", "rank", "states"),
    [
        ((2, 5, 7, 40), 3, 4),
        ((1, 65, 33, 96), 6, 16),
        ((40, 16, 16, 192), 12, 16),
        ((600, 4, 4, 768), 48, 16),
        ((1, 9, 8, 17), 1, 1),
    ],
)
def test_on_the_device(shape: tuple[int, int, int, int], rank: int, states: int, dtype: torch.dtype) -> None:
    usable, reason = available_backends()["triton"]
    if not usable:
        pytest.skip(reason)
    x, x_proj, *weights = (tensor.cuda() for tensor in make(shape, rank, states))
    x = x.to(dtype)
    projections = torch.nn.functional.linear(x, x_proj.flatten(0, 1).to(dtype)).unflatten(-1, (4, -1))
    arguments = (x, projections, *(tensor.float() for tensor in weights))
    grad_y = torch.randn(shape, device="cuda")
    runs = []
    for _ in range(2):
        y, saved = cross_op(*arguments, True, "triton")
        runs.append((y, *cross_backward_op(grad_y, saved, *arguments, "triton")))
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))

    leaves = [tensor.double().requires_grad_() for tensor in arguments]
    y = scan_projected(*leaves)
    expected = dict(zip(NAMES, (y.detach(), *torch.autograd.grad(y, leaves, grad_y.double())), strict=True))
    tolerance = 1e-5 if dtype == torch.float32 else 4e-3  # the gradients of x and projections are rounded to its type
    assert_agree({name: tensor.double() for name, tensor in zip(NAMES, runs[0], strict=True)}, expected, tolerance)


@pytest.mark.gpu
@needs_gpu
def test_autocast_leaves_half_precision_as_it_is() -> None:
    x, *weights = (tensor.float().cuda().requires_grad_() for tensor in make((2, 12, 12, 64), 4, 16))
    with torch.autocast("cuda", torch.bfloat16):
        y = cross_scan(x.bfloat16(), ScanWeights(*weights), "triton")
    assert y.dtype == torch.bfloat16
    expected = cross_scan(x.double(), ScanWeights(*(tensor.double() for tensor in weights)), "torch")
    assert (y.double() - expected).norm() < 2e-2 * expected.norm()
    y.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in (x, *weights))
