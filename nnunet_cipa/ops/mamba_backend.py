"""The selective scan of the mamba-ssm package (the optional extra ``mamba``): its CUDA kernel for Mamba-1."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.ops import torch_backend
from nnunet_cipa.ops.arguments import Gradients, ScanArguments, ScanTraits, check_arguments

_CHUNK = 2048  # steps between the states that the kernel keeps
_MOST_STATES = 256
_DEVICE = "cuda"


@cache
def usable() -> tuple[bool, str]:
    """Say whether the backend can run on this machine, and why: a small scan on the GPU must come out right."""
    if find_spec("mamba_ssm") is None:
        return False, "mamba-ssm is not installed (pip install 'nnunet-cipa[mamba]')"
    if not torch.cuda.is_available():
        return False, "it needs a CUDA device"
    try:
        return _try_out()
    except Exception as error:  # noqa: BLE001 - a build that does not fit this machine may raise anything
        return False, f"its kernel does not run here: {type(error).__name__}: {' '.join(str(error).split())}"


def unsupported(traits: ScanTraits) -> str | None:
    """Say why the backend cannot take such a call, or None."""
    if traits.device_type != "cuda":
        return f"it computes on CUDA devices, the tensors are on {traits.device_type}"
    if traits.compute_dtype != torch.float32:
        return f"it computes in float32, the tensors need {traits.compute_dtype}"
    if traits.state_size > _MOST_STATES:
        return f"it takes at most {_MOST_STATES} states, not {traits.state_size}"
    if traits.constant_matrices:
        return "it takes only B and C that both change along the sequence"
    if traits.return_last_state:
        return "it has no gradient for the last state"
    return None


def saved_shape(arguments: ScanArguments) -> tuple[int, ...]:
    """Shape of what the forward pass keeps: a decay and a state each 2048 steps, interleaved."""
    batch, channels, length = arguments.u.shape
    return (batch, channels, (length + _CHUNK - 1) // _CHUNK, 2 * arguments.A.shape[1])


def forward(arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (b, d, l), the last state (b, d, n) and what the kernel keeps."""
    *tensors, delta_softplus = _contiguous(arguments)
    u, delta, A, B, C, D, delta_bias = tensors
    y, saved, *_ = _kernel().fwd(u, delta, A, B, C, D, None, delta_bias, delta_softplus)
    return y, saved[:, :, -1, 1::2], saved


def backward(grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments) -> Gradients:  # noqa: ARG001 - no gradient for the last state, see ``unsupported``
    """Return the gradients of u, delta, A, B, C, D and delta_bias."""
    u, delta, A, B, C, D, delta_bias, delta_softplus = _contiguous(arguments)
    du, ddelta, dA, dB, dC, dD, dbias, *_ = _kernel().bwd(
        u, delta, A, B, C, D, None, delta_bias, grad_y.float().contiguous(), saved, None, None, delta_softplus, False
    )
    return du, ddelta, dA, dB, dC, dD if D is not None else None, dbias if delta_bias is not None else None


@cache
def _kernel() -> Any:
    module = import_module("mamba_ssm.ops.selective_scan_interface")
    kernel = getattr(module, "selective_scan_cuda", None)
    if kernel is None:
        raise ImportError("mamba-ssm was built without the Mamba-1 kernel (MAMBA_KEEP_CUDA_BUILD=TRUE keeps it)")
    return kernel


def _contiguous(arguments: ScanArguments) -> ScanArguments:
    return ScanArguments(*(x.contiguous() if isinstance(x, Tensor) else x for x in arguments.converted()))  # type: ignore[arg-type]


def _try_out() -> tuple[bool, str]:
    """Compare a small scan and its gradients with the torch backend's."""
    generator = torch.Generator(device=_DEVICE).manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, device=_DEVICE, generator=generator)

    arguments = check_arguments(
        draw(1, 4, 6), draw(1, 4, 6), -draw(4, 2), draw(1, 2, 2, 6), draw(1, 2, 2, 6), draw(4), None, draw(4),
        delta_softplus=True,
    )  # fmt: skip
    results = []
    for forward_pass, backward_pass in ((forward, backward), (torch_backend.forward, torch_backend.backward)):
        y, state, saved = forward_pass(arguments)
        results.append([y, *backward_pass(torch.ones_like(y), torch.zeros_like(state), saved, arguments)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    return True, f"CUDA kernel of mamba-ssm on {torch.cuda.get_device_name()}"
