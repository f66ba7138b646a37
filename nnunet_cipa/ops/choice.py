"""Chooses the backend of a call among those that can run here and can take it."""

import logging
import os

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.backend import Backend
from nnunet_cipa.ops.registry import backends, device_types, find
from nnunet_cipa.options import UsageError

ENVIRONMENT_VARIABLE = "NNUNET_CIPA_SCAN_BACKEND"

_D_STATE = 16

_logger = logging.getLogger(__name__)
_logged: set[tuple[str, str]] = set()


def check_device(device_type: str) -> None:
    """Refuse a type of device that no backend computes on, or that is not there.

    Raises
    ------
    UsageError
        If the type is unknown.
    CIPAError
        If torch finds none.
    """
    if device_type not in device_types():
        raise UsageError(f"device {device_type!r}: no scan backend is for it; choose among {', '.join(device_types())}")
    if device_type != "cpu" and torch.accelerator.current_accelerator(check_available=True) != torch.device(
        device_type
    ):
        raise CIPAError(
            f"device {device_type!r}: torch finds no {device_type.upper()} device here; use the device 'cpu'"
        )


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
        reason = _rejection(find(forced, source), traits)
        if reason:
            raise CIPAError(f"{source}: scan backend {forced!r} cannot be used: {reason}")
        return forced
    for backend in reversed(backends()):
        if not backend.priority or (backend.devices and traits.device_type not in backend.devices):
            continue
        reason = _rejection(backend, traits)
        if not reason:
            return backend.name
        if (backend.name, reason) not in _logged:
            _logged.add((backend.name, reason))
            _logger.warning("scan backend %s is not used on %s: %s", backend.name, traits.device_type, reason)
    raise CIPAError(f"no scan backend for device type {traits.device_type!r}")


def backends_for(traits: ScanTraits) -> list[str]:
    """Name the backends that can take a call."""
    return [backend.name for backend in backends() if not _rejection(backend, traits)]


def _rejection(backend: Backend, traits: ScanTraits) -> str | None:
    if backend.devices and traits.device_type not in backend.devices:
        return f"it computes on {' and '.join(backend.devices)} devices, the tensors are on {traits.device_type}"
    usable, reason = backend.usable()
    return backend.unsupported(traits) if usable else reason
