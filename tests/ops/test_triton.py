"""The Triton backend: its checks under the interpreter, its kernels compiled for GPUs, its choices without either."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import available_backends, selective_scan, triton
from nnunet_cipa.ops.arguments import ScanArguments, check_arguments
from nnunet_cipa.ops.triton import layout as triton_layout

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@needs_triton
@pytest.mark.slow
def test_kernels_agree_with_the_reference_in_the_interpreter() -> None:
    # Whether a kernel is interpreted is decided where it is defined, for the whole process.
    file = str(HERE / "interpreted_triton.py")
    result = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", file, TRITON_INTERPRET="1")
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert " passed" in result.stdout


@needs_triton
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Triton's compiler for NVIDIA GPUs is for Linux")
@pytest.mark.parametrize(("architecture", "states", "dtype"), [(90, 16, "fp32"), (80, 4, "bf16")])
def test_kernels_compile_for_gpus_and_keep_to_the_registers(
    tmp_path: Path, architecture: int, states: int, dtype: str
) -> None:
    file = str(HERE.parent / "measurements" / "compiled_triton.py")
    result = run_python(file, str(architecture), str(states), dtype, TRITON_CACHE_DIR=str(tmp_path))
    assert result.returncode == 0, result.stderr[-5000:]
    found = json.loads(result.stdout)
    names = ["forward_kernel", "backward_kernel", "chunk_kernel", "carry_kernel"]
    names += [f"cross_{name}_kernel" for name in ("forward", "backward", "span", "carry")]
    assert list(dict.fromkeys(kernel["kernel"] for kernel in found)) == names
    # Bytes a thread that spill. The tuner takes the quickest of a kernel's settings; four directions have one, whose
    # backward pass spills 96 bytes on compute capability 8.0.
    for name in names:
        least = min(kernel["stack"] for kernel in found if kernel["kernel"] == name)
        assert least <= (128 if name == "cross_backward_kernel" else 16), name
    for kernel in found:
        assert kernel["registers"] * 32 * kernel["warps"] <= 65536, kernel
        assert kernel["shared"] <= 48 * 1024, kernel


def test_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    usable = triton.usable.__wrapped__
    monkeypatch.setattr(triton, "find_spec", lambda _: None)
    assert usable() == (False, "Triton is not installed (PyTorch brings it on Linux only)")
    monkeypatch.setattr(triton, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usable() == (False, "it needs an NVIDIA GPU")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Old")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (6, 1))
    assert usable() == (False, "it needs compute capability 7.0, Old has 6.1")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 0))
    monkeypatch.setitem(sys.modules, "triton", None)
    assert usable()[1].startswith("Triton cannot be imported: ")


def sizes(batch: int, channels: int, length: int, states: int, groups: int = 4) -> ScanArguments:
    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta")

    x, matrix = empty(batch, channels, length), empty(batch, groups, states, length)
    return check_arguments(x, x, empty(channels, states), matrix, matrix, None, None, None, delta_softplus=True)


@pytest.mark.parametrize("states", [1, 3, 4, 8, 16, 40, 128])
def test_a_tile_covers_the_states_and_no_more_steps_than_needed(states: int) -> None:
    for length in (1, 2, 16, 17, 32, 33, 100, 256, 257, 16384):
        tile = triton_layout.tile_of(length, states)
        assert states <= tile.states < 2 * states
        assert tile.lanes <= 32
        assert tile.chunk < 2 * max(length, 1)
        assert tile.steps * tile.states <= max(64, tile.states)
    assert triton_layout.tile_of(16384, 16) == (4, 16, 32)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("batch", "channels", "length", "parallel"),
    [(1, 768, 16384, True), (1, 192, 1024, True), (64, 768, 4096, False), (4096, 384, 16, False)],
)
def test_a_gpu_with_many_processors_is_filled(
    monkeypatch: pytest.MonkeyPatch, batch: int, channels: int, length: int, parallel: bool, backward: bool
) -> None:
    monkeypatch.setattr(triton_layout, "processors", lambda _: 132)
    arguments = sizes(batch, channels, length, 16)
    division = triton_layout.divide(arguments, backward=backward)
    assert division.parallel is parallel
    programs = batch * 4 * division.splits * (triton_layout.chunks_of(arguments) if division.parallel else 1)
    largest = batch * 4 * triton_layout.chunks_of(arguments) * max(channels // 4 // 32, 1)
    assert programs >= min(2 * 132, largest)
    if backward and division.splits > 1:
        # The splits' gradients of B and C take no more than u.
        assert 2 * division.splits * arguments.B.numel() <= arguments.u.numel()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("states", [1, 4, 16, 24])
@pytest.mark.parametrize("length", [16, 1000, 4099])
def test_on_the_device(make_inputs: Callable[..., dict[str, Tensor]], length: int, states: int) -> None:
    usable, reason = available_backends()["triton"]
    if not usable:
        pytest.skip(reason)
    for batch, channels in ((1, 16), (40, 64)):
        inputs = make_inputs(batch, channels, length, states)
        on_device = {name: x.detach().float().cuda().requires_grad_() for name, x in inputs.items()}
        exact = {name: x.detach().double().requires_grad_() for name, x in on_device.items()}
        results = []
        for leaves, backend in ((on_device, "triton"), (exact, "torch")):
            y, last = selective_scan(**leaves, delta_softplus=True, return_last_state=True, backend=backend)
            (y.sum() + last.sum()).backward()
            results.append([y, last, *(x.grad for x in leaves.values())])
        for found, expected in zip(*results, strict=True):
            assert (found.double() - expected).norm() <= 1e-5 * expected.norm()
