"""The selective scan in PyTorch, on any device and in any precision."""

from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.registry import register


def usable() -> tuple[bool, str]:
    """Return whether the backend can run on this machine, and why."""
    return True, "PyTorch on any device"


def unsupported(traits: ScanTraits) -> str | None:  # noqa: ARG001 - every backend answers the same question
    """Return why the backend cannot take such a call, or None."""
    return None


register(Backend("torch", usable, unsupported, priority=10, scan=f"{__name__}.scan"))
