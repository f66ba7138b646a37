"""Half precision of the network under autocast."""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache

import torch
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]

from nnunet_cipa.errors import CIPAError

CPU_BFLOAT16_VARIABLE = "NNUNET_CIPA_CPU_BF16"
_CPU_FEATURES = ("avx512bf16", "amx-bf16", "bf16")  # of Intel and AMD, and of ARM


@cache
def cpu_has_bfloat16() -> bool:
    """Return whether this processor multiplies matrices of bfloat16 itself."""
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


@torch.compiler.assume_constant_result
def predicts_in_bfloat16(device: torch.device) -> bool:
    """Return whether the network is to predict in bfloat16 on the CPU, as ``NNUNET_CIPA_CPU_BF16`` says.

    Raises
    ------
    CIPAError
        If the variable is neither 1 nor 0, or the processor has no bfloat16.
    """
    value = os.environ.get(CPU_BFLOAT16_VARIABLE) or "0"
    if device.type != "cpu" or value == "0":
        return False
    if value != "1":
        raise CIPAError(f"{CPU_BFLOAT16_VARIABLE} is {value!r}; set it to 1 or 0, or unset it")
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
