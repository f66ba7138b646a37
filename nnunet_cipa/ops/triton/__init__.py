"""The selective scan in Triton: kernels for NVIDIA GPUs that are compiled on their first call, in float32."""

import os
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

import torch

from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.registry import register
from nnunet_cipa.ops.triton.layout import MOST_STATES

_OLDEST = (7, 0)  # compute capability
_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@cache
def usable() -> tuple[bool, str]:
    """Return whether the backend can run on this machine, and why."""
    if find_spec("triton") is None:
        return False, "Triton is not installed (PyTorch brings it on Linux only)"
    if _INTERPRETED:
        return True, "kernels run by Triton's interpreter (TRITON_INTERPRET=1): correct, but only for tests"
    if not torch.cuda.is_available() or torch.version.hip:
        return False, "it needs an NVIDIA GPU"
    capability = torch.cuda.get_device_capability()
    if capability < _OLDEST:
        return (
            False,
            f"it needs compute capability 7.0, {torch.cuda.get_device_name()} has {'.'.join(map(str, capability))}",
        )
    try:
        import_module("triton")
    except ImportError as error:
        return False, f"Triton cannot be imported: {error}"
    return True, f"compiled for {torch.cuda.get_device_name()} by Triton {version('triton')} on first use"


def unsupported(traits: ScanTraits) -> str | None:
    """Return why the backend cannot take such a call, or None."""
    if traits.compute_dtype != torch.float32:
        return f"it computes in float32, the tensors need {traits.compute_dtype}"
    if traits.state_size > MOST_STATES:
        return f"it takes at most {MOST_STATES} states, not {traits.state_size}"
    return None


register(
    Backend(
        "triton",
        usable,
        unsupported,
        devices=("cpu",) if _INTERPRETED else ("cuda",),
        priority=0 if _INTERPRETED else 30,
        scan=f"{__name__}.scan",
        cross=f"{__name__}.cross",
        reads_half=not _INTERPRETED,
        packages=("triton",),
    )
)
