"""The selective scan as its equation reads, on any device: what every other backend is measured against."""

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import ScanArguments, ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.reference.exported import selective_scan_exported
from nnunet_cipa.ops.reference.scan import selective_scan_reference
from nnunet_cipa.ops.registry import register


def usable() -> tuple[bool, str]:
    """Return whether the backend can run on this machine, and why."""
    return True, "plain PyTorch loop over the sequence, for checks"


def unsupported(traits: ScanTraits) -> str | None:  # noqa: ARG001 - every backend answers the same question
    """Return why the backend cannot take such a call, or None."""
    return None


def scan(arguments: ScanArguments) -> tuple[Tensor, Tensor]:
    """Return y (b, d, l) and the last state (b, d, n); for exporters, in operators that they know."""
    chosen = selective_scan_exported if torch.compiler.is_exporting() else selective_scan_reference
    return chosen(arguments)


register(Backend("reference", usable, unsupported, plain=scan))
