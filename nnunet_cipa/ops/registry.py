"""Which backends there are, which of them can run here, and which one a call gets.

A backend is a folder of ``nnunet_cipa.ops`` that registers itself when it is imported; nothing else lists them.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol, cast

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.extensions import import_parts
from nnunet_cipa.ops.arguments import Gradients, ScanArguments, ScanTraits
from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.options import UsageError

ENVIRONMENT_VARIABLE = "NNUNET_CIPA_SCAN_BACKEND"

_PACKAGE = __name__.rpartition(".")[0]
_D_STATE = 16

PlainScan = Callable[[ScanArguments], tuple[Tensor, Tensor]]

_logger = logging.getLogger(__name__)
_logged: set[tuple[str, str]] = set()


class Scan(Protocol):
    """The module of a backend's scan behind the operator."""

    def saved_shape(self, arguments: ScanArguments) -> tuple[int, ...]:
        """Shape of what the forward pass keeps for the backward pass."""

    def forward(self, arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
        """Return y (b, d, l), the last state (b, d, n) and what the backward pass needs."""

    def backward(self, grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments) -> Gradients:
        """Return the gradients of u, delta, A, B, C, D and delta_bias."""


class CrossScan(Protocol):
    """The module of a backend's four-direction scan behind the operator."""

    def saved_shape(self, arguments: CrossArguments, keep: bool) -> tuple[int, ...]:
        """Shape of what the forward pass returns for the backward pass; empty unless it is to ``keep`` it."""

    def forward(self, arguments: CrossArguments, keep: bool) -> tuple[Tensor, Tensor]:
        """Return y (b, h, w, d) and what the backward pass needs."""

    def backward(self, grad_y: Tensor, saved: Tensor, arguments: CrossArguments) -> tuple[Tensor, ...]:
        """Return the gradients of all arguments."""


class GatedNorm(Protocol):
    """The module of a backend's LayerNorm with a gate."""

    def takes(self, *arguments: Tensor) -> bool:
        """Return whether it can compute y, gate, weight and bias; torch's operators do it otherwise."""

    def gated_norm(self, y: Tensor, gate: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """Return LayerNorm(y) * SiLU(gate)."""


@dataclass(frozen=True)
class Backend:
    """What a backend says of itself, without importing anything heavy.

    Attributes
    ----------
    name : str
        What users call it; the name of its folder.
    usable : callable
        Returns whether it can run on this machine, and why.
    unsupported : callable
        Returns why it cannot take a call, or None.
    devices : tuple of str
        The device types that it computes on; none for any.
    priority : int
        Of a device's backends the one with the highest is tried first; those with 0 are never chosen, only asked for.
    scan : str
        The module that is its ``Scan``, imported when it is first needed; empty if it has ``plain``.
    plain : callable or None
        A scan that torch differentiates by itself: arguments to y and the last state.
    cross : str
        The module that is its ``CrossScan``; empty if maps are unrolled to sequences for it.
    gated_norm : str
        The module that is its ``GatedNorm``; empty if that is left to torch's operators.
    reads_half : bool
        Whether the four-direction scan reads half precision as it is, so that autocast need not copy the map.
    packages : tuple of str
        Distributions on whose versions its speed depends.
    """

    name: str
    usable: Callable[[], tuple[bool, str]]
    unsupported: Callable[[ScanTraits], str | None]
    devices: tuple[str, ...] = ()
    priority: int = 0
    scan: str = ""
    plain: PlainScan | None = None
    cross: str = ""
    gated_norm: str = ""
    reads_half: bool = False
    packages: tuple[str, ...] = ()


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
        reason = _rejection(_find(forced, source), traits)
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


def plain_scan_of(name: str) -> PlainScan | None:
    """Return a backend's scan that torch differentiates by itself, or None."""
    return _registered[name].plain


def scans_maps(name: str) -> bool:
    """Return whether a backend has a four-direction scan of its own."""
    return bool(_registered[name].cross)


@cache
def scan_of(name: str) -> Scan:
    """Return the module of a backend's scan behind the operator."""
    return cast("Scan", import_module(_find(name, "scan").scan))


@cache
def cross_scan_of(name: str) -> CrossScan:
    """Return the module of a backend's four-direction scan."""
    return cast("CrossScan", import_module(_find(name, "scan").cross))


@cache
def gated_norm_of(name: str) -> GatedNorm | None:
    """Return the module of a backend's LayerNorm with a gate, or None."""
    module = _find(name, "scan").gated_norm
    return cast("GatedNorm", import_module(module)) if module else None


def _find(name: str, source: str) -> Backend:
    discover()
    if name not in _registered:
        raise CIPAError(f"{source}: unknown scan backend {name!r}; choose one of {', '.join(_registered)}")
    return _registered[name]


def _rejection(backend: Backend, traits: ScanTraits) -> str | None:
    if backend.devices and traits.device_type not in backend.devices:
        return f"it computes on {' and '.join(backend.devices)} devices, the tensors are on {traits.device_type}"
    usable, reason = backend.usable()
    return backend.unsupported(traits) if usable else reason
