"""Half precision of the network under autocast."""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch


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
