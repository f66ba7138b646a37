"""Which backends there are, which of them can run here, and which one a call gets."""

import logging
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops.arguments import Gradients, ScanArguments, ScanTraits
from nnunet_cipa.ops.cross_arguments import CrossArguments

ENVIRONMENT_VARIABLE = "NNUNET_CIPA_SCAN_BACKEND"

_MODULES: Mapping[str, str] = {
    "reference": "nnunet_cipa.ops.reference",
    "torch": "nnunet_cipa.ops.torch_backend",
    "numba": "nnunet_cipa.ops.numba_backend",
    "triton": "nnunet_cipa.ops.triton_backend",
    "mamba_ssm": "nnunet_cipa.ops.mamba_backend",
}
_PREFERENCE: Mapping[str, tuple[str, ...]] = {"cpu": ("numba", "torch"), "cuda": ("triton", "mamba_ssm", "torch")}
_ANY_DEVICE = ("torch",)
# The backends that scan a map in four directions by themselves; the others scan its sequences.
CROSS_BACKENDS: Mapping[str, str] = {
    "numba": "nnunet_cipa.ops.numba_cross",
    "triton": "nnunet_cipa.ops.triton_cross",
}
_D_STATE = 16

_logger = logging.getLogger(__name__)
_logged: set[tuple[str, str]] = set()


class Candidate(Protocol):
    """What every backend's module answers without importing anything heavy before it must."""

    def usable(self) -> tuple[bool, str]:
        """Say whether the backend can run on this machine, and why."""

    def unsupported(self, traits: ScanTraits) -> str | None:
        """Say why the backend cannot take such a call, or None."""


class Backend(Candidate, Protocol):
    """A backend behind the custom op; every one but ``reference``, which torch differentiates by itself."""

    def saved_shape(self, arguments: ScanArguments) -> tuple[int, ...]:
        """Shape of what the forward pass keeps for the backward pass."""

    def forward(self, arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
        """Return y (b, d, l), the last state (b, d, n) and what the backward pass needs."""

    def backward(self, grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments) -> Gradients:
        """Return the gradients of u, delta, A, B, C, D and delta_bias."""


class CrossBackend(Protocol):
    """A backend's four-direction scan behind the custom op."""

    def saved_shape(self, arguments: CrossArguments, keep: bool) -> tuple[int, ...]:
        """Shape of what the forward pass returns for the backward pass; empty unless it is to ``keep`` it."""

    def forward(self, arguments: CrossArguments, keep: bool) -> tuple[Tensor, Tensor]:
        """Return y (b, h, w, d) and what the backward pass needs."""

    def backward(self, grad_y: Tensor, saved: Tensor, arguments: CrossArguments) -> tuple[Tensor, ...]:
        """Return the gradients of all arguments."""


def available_backends() -> dict[str, tuple[bool, str]]:
    """Say of each backend whether it can run on this machine, and why.

    Returns
    -------
    dict
        Name to (usable, reason in words).
    """
    return {name: _candidate(name).usable() for name in _MODULES}


def preferred_backend(device_type: str) -> str:
    """Name the backend that the network's calls get on a device type ("cpu", "cuda", ...).

    Raises
    ------
    CIPAError
        If the environment variable names one that does not exist or cannot be used there.
    """
    return choose_backend(None, ScanTraits(device_type, torch.float32, _D_STATE, False, False))


def choose_backend(name: str | None, traits: ScanTraits) -> str:
    """Choose the backend of one call.

    Parameters
    ----------
    name : str or None
        A backend that the caller insists on. None: the one that the environment variable names, else the
        first of the device's backends that can take the call; each that cannot is logged once.

    Raises
    ------
    CIPAError
        If the backend that was asked for does not exist or cannot take the call.
    """
    forced, source = (
        (name, "argument backend") if name else (os.environ.get(ENVIRONMENT_VARIABLE), ENVIRONMENT_VARIABLE)
    )
    if forced:
        reason = _rejection(forced, traits, source)
        if reason:
            raise CIPAError(f"{source}: scan backend {forced!r} cannot be used: {reason}")
        return forced
    for candidate in _PREFERENCE.get(traits.device_type, _ANY_DEVICE):
        reason = _rejection(candidate, traits, source)
        if not reason:
            return candidate
        if (candidate, reason) not in _logged:
            _logged.add((candidate, reason))
            _logger.warning("scan backend %s is not used on %s: %s", candidate, traits.device_type, reason)
    raise CIPAError(f"no scan backend for device type {traits.device_type!r}")


def backends_for(traits: ScanTraits) -> list[str]:
    """Name the backends that can take a call."""
    return [name for name in _MODULES if not _rejection(name, traits, "")]


def backend_module(name: str) -> Backend:
    """Return the module of a backend that runs behind the custom op."""
    return cast("Backend", import_module(_MODULES[name]))


def cross_module(name: str) -> CrossBackend:
    """Return the module of a backend's four-direction scan."""
    return cast("CrossBackend", import_module(CROSS_BACKENDS[name]))


def _candidate(name: str) -> Candidate:
    return cast("Candidate", import_module(_MODULES[name]))


def _rejection(name: str, traits: ScanTraits, source: str) -> str | None:
    if name not in _MODULES:
        raise CIPAError(f"{source}: unknown scan backend {name!r}; choose one of {', '.join(_MODULES)}")
    usable, reason = _candidate(name).usable()
    return _candidate(name).unsupported(traits) if usable else reason
