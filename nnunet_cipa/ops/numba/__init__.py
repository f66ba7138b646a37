"""The selective scan on the CPU: kernels that numba compiles on their first call, in float32."""

from functools import cache
from importlib import import_module
from importlib.metadata import version

import torch

from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.numba.torch_threads import describe_threads
from nnunet_cipa.ops.registry import register


@cache
def usable() -> tuple[bool, str]:
    """Return whether the backend can run on this machine, and why."""
    try:
        numba = import_module("numba")
    except ImportError as error:
        return False, f"numba cannot be imported: {error}"
    if numba.config.DISABLE_JIT:
        return False, "NUMBA_DISABLE_JIT is set"
    return True, f"CPU only, compiled for this processor by numba {version('numba')} on first use; {describe_threads()}"


def unsupported(traits: ScanTraits) -> str | None:
    """Return why the backend cannot take such a call, or None."""
    if traits.compute_dtype != torch.float32:
        return f"it computes in float32, the tensors need {traits.compute_dtype}"
    return None


register(
    Backend(
        "numba",
        usable,
        unsupported,
        devices=("cpu",),
        priority=30,
        scan=f"{__name__}.scan",
        cross=f"{__name__}.cross",
        gated_norm=f"{__name__}.gated_norm",
        packages=("numba",),
    )
)
