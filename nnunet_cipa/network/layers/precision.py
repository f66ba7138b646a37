"""Half precision of the network under autocast."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError
from nnunet_cipa.switches import read_switch

CPU_BFLOAT16_VARIABLE = "NNUNET_CIPA_CPU_BF16"
_CPU_FEATURES = ("avx512bf16", "amx-bf16", "bf16")  # of Intel and AMD, and of ARM


@cache
def cpu_has_bfloat16() -> bool:
    """Return whether this processor multiplies matrices of bfloat16 itself; False where llvmlite cannot tell."""
    try:
        # Not needed by most, and it comes with numba, without which networks run too.
        from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError:
        return False
    features = get_host_cpu_features()
    return any(features.get(name, False) for name in _CPU_FEATURES)


def check_cpu_bfloat16(source: str) -> None:
    """Refuse bfloat16 on a processor that would only imitate it, which takes longer than float32.

    Raises
    ------
    CIPAError
        With what asked for it.
    """
    if not cpu_has_bfloat16():
        raise CIPAError(f"{source}: this processor has no instructions for bfloat16; predict in float32, without it")


def check_bfloat16_option(device_type: str) -> None:
    """Refuse the option for bfloat16 elsewhere than on the CPU.

    Raises
    ------
    UsageError
        With the device.
    """
    if device_type != "cpu":
        raise UsageError(f"--bf16 is for --device cpu; on {device_type} networks run in half precision anyhow")


@torch.compiler.assume_constant_result
def predicts_in_bfloat16(device: torch.device) -> bool:
    """Return whether the network is to predict in bfloat16 on the CPU, as ``NNUNET_CIPA_CPU_BF16`` says.

    Raises
    ------
    CIPAError
        If the variable is neither 1 nor 0, or the processor has no bfloat16.
    """
    if device.type != "cpu" or not read_switch(CPU_BFLOAT16_VARIABLE):
        return False
    check_cpu_bfloat16(CPU_BFLOAT16_VARIABLE)
    return True


@torch.compiler.assume_constant_result
@lru_cache
def has_fast_bfloat16() -> bool:
    """Return whether the CUDA device computes in bfloat16 itself (compute capability 8.0 and later)."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def without_autocast(device: torch.device) -> AbstractContextManager[None]:
    """Compute what follows in the precision of its tensors; a device that has no autocast, as "meta", does anyhow."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def preferred_autocast(device: torch.device) -> AbstractContextManager[None]:
    """Turn an enclosing float16 autocast into bfloat16 where the GPU has it.

    nnU-Net opens float16 autocast in training, validation and prediction. The residual streams of a state space network
    have no bound, so float16 can overflow where bfloat16 cannot; doing it here keeps training and prediction alike.
    """
    if device.type == "cuda" and torch.is_autocast_enabled("cuda") and has_fast_bfloat16():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()
