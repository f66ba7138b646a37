"""Which backends there are, and the modules behind them.

A backend is a folder of ``nnunet_cipa.ops`` that registers itself when it is imported; nothing else lists them.
"""

from functools import cache
from importlib import import_module
from typing import cast

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.extensions import import_parts
from nnunet_cipa.ops.backend import Backend, CrossScan, GatedNorm, PlainScan, Scan

_PACKAGE = __name__.rpartition(".")[0]

_registered: dict[str, Backend] = {}  # by rising priority


def register(backend: Backend) -> None:
    """Add a backend."""
    _registered[backend.name] = backend
    by_priority = sorted(_registered.values(), key=lambda one: (one.priority, one.name))
    _registered.clear()
    _registered.update((one.name, one) for one in by_priority)


def backends() -> list[Backend]:
    """Return all backends, by rising priority."""
    discover()
    return list(_registered.values())


@cache
def discover() -> None:
    """Import every folder beside this module, which registers the backend in it."""
    import_parts(_PACKAGE, folders_only=True)


def device_types() -> list[str]:
    """Return the device types that backends name."""
    return sorted({device for backend in backends() for device in backend.devices})


def autocast_devices() -> list[str]:
    """Return the device types that backends name and torch has autocast for."""
    return [device for device in device_types() if torch.amp.is_autocast_available(device)]


def reads_half(device_type: str) -> bool:
    """Return whether a backend's four-direction scan reads half precision as it is on a device type."""
    return any(backend.reads_half and device_type in backend.devices for backend in backends())


def available_backends() -> dict[str, tuple[bool, str]]:
    """Return of each backend whether it can run on this machine, and why.

    Returns
    -------
    dict
        Name to (usable, reason in words).
    """
    return {backend.name: backend.usable() for backend in backends()}


def plain_scan_of(name: str) -> PlainScan | None:
    """Return a backend's scan that torch differentiates by itself, or None."""
    return _registered[name].plain


def scans_maps(name: str) -> bool:
    """Return whether a backend has a four-direction scan of its own."""
    return bool(_registered[name].cross)


def find(name: str, source: str) -> Backend:
    """Return a backend by its name.

    Raises
    ------
    CIPAError
        If there is none; it begins with the ``source`` of the name.
    """
    discover()
    if name not in _registered:
        raise CIPAError(f"{source}: unknown scan backend {name!r}; choose one of {', '.join(_registered)}")
    return _registered[name]


@cache
def scan_of(name: str) -> Scan:
    """Return the module of a backend's scan behind the operator."""
    return cast("Scan", import_module(find(name, "scan").scan))


@cache
def cross_scan_of(name: str) -> CrossScan:
    """Return the module of a backend's four-direction scan."""
    return cast("CrossScan", import_module(find(name, "scan").cross))


@cache
def gated_norm_of(name: str) -> GatedNorm | None:
    """Return the module of a backend's LayerNorm with a gate, or None."""
    module = find(name, "scan").gated_norm
    return cast("GatedNorm", import_module(module)) if module else None
