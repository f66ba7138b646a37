"""Facts that a scan backend registers, and the interfaces of the modules behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from nnunet_cipa.ops.arguments import Gradients, ScanArguments, ScanTraits
from nnunet_cipa.ops.cross_arguments import CrossArguments

PlainScan = Callable[[ScanArguments], tuple[Tensor, Tensor]]


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
