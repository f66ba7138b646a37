"""The selective scan of the mamba-ssm package (the optional extra ``mamba``): its CUDA kernel for Mamba-1."""

from functools import cache
from importlib.util import find_spec

import torch

from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.mamba_ssm.scan import try_out
from nnunet_cipa.ops.registry import register

_MOST_STATES = 256


@cache
def usable() -> tuple[bool, str]:
    """Return whether the backend can run on this machine, and why: a small scan on the GPU must come out right."""
    if find_spec("mamba_ssm") is None:
        return False, "mamba-ssm is not installed (pip install 'nnunet-cipa[mamba]')"
    if not torch.cuda.is_available():
        return False, "it needs a CUDA device"
    try:
        return try_out()
    except Exception as error:  # noqa: BLE001 - a build that does not fit this machine may raise anything
        return False, f"its kernel does not run here: {type(error).__name__}: {' '.join(str(error).split())}"


def unsupported(traits: ScanTraits) -> str | None:
    """Return why the backend cannot take such a call, or None."""
    if traits.compute_dtype != torch.float32:
        return f"it computes in float32, the tensors need {traits.compute_dtype}"
    if traits.state_size > _MOST_STATES:
        return f"it takes at most {_MOST_STATES} states, not {traits.state_size}"
    if traits.constant_matrices:
        return "it takes only B and C that both change along the sequence"
    if traits.return_last_state:
        return "it has no gradient for the last state"
    return None


register(
    Backend(
        "mamba_ssm",
        usable,
        unsupported,
        devices=("cuda",),
        priority=20,
        scan=f"{__name__}.scan",
        packages=("mamba-ssm", "causal-conv1d"),
    )
)
