"""The scan of sequences by mamba-ssm's kernel for Mamba-1."""

from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import Gradients, ScanArguments, check_arguments
from nnunet_cipa.ops.torch import scan as torch_scan

_CHUNK = 2048  # steps between the states that the kernel keeps
_DEVICE = "cuda"


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


def try_out() -> tuple[bool, str]:
    """Compare a small scan and its gradients with the torch backend's; return whether the kernel can be used, and why.

    Raises
    ------
    AssertionError
        If they differ.
    """
    generator = torch.Generator(device=_DEVICE).manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, device=_DEVICE, generator=generator)

    arguments = check_arguments(
        draw(1, 4, 6), draw(1, 4, 6), -draw(4, 2), draw(1, 2, 2, 6), draw(1, 2, 2, 6), draw(4), None, draw(4),
        delta_softplus=True,
    )  # fmt: skip
    results = []
    for forward_pass, backward_pass in ((forward, backward), (torch_scan.forward, torch_scan.backward)):
        y, state, saved = forward_pass(arguments)
        results.append([y, *backward_pass(torch.ones_like(y), torch.zeros_like(state), saved, arguments)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    return True, f"CUDA kernel of mamba-ssm on {torch.cuda.get_device_name()}"
