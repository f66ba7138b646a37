"""Speed of the selective scan's backends on one call of the network."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunet_cipa.bench.timing import measure
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import available_backends, selective_scan
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.registry import backends_for
from nnunet_cipa.tables import render

_GROUPS = 4
_HEADER = ("backend", "pass", "median s", "range s", "memory", "largest error", "ratio")


@dataclass(frozen=True)
class ScanBench:
    """The call to measure.

    Attributes
    ----------
    batch, channels, length, d_state : int
        Of the scan; 4 groups, as SS2D has them. The default is the longest scan of CIPA tiny at 512 x 512.
    device : str
        "cpu" or "cuda".
    repeats : int
        Timed runs.
    """

    batch: int = 1
    channels: int = 768
    length: int = 16384
    d_state: int = 16
    device: str = "cpu"
    repeats: int = 7


def bench_scan(bench: ScanBench, backends: Sequence[str] = ()) -> str:
    """Measure backends on the same random call, forward and forward with backward.

    Parameters
    ----------
    bench : ScanBench
        The call.
    backends : sequence of str
        The first is what the ratios refer to; all that can take the call except ``reference`` if none is named.

    Returns
    -------
    str
        A table in Markdown. Errors are relative to the largest magnitude of the output of the reference in float64.

    Raises
    ------
    CIPAError
        If a backend does not exist or cannot be used.
    """
    found = available_backends()
    traits = ScanTraits(bench.device, torch.float32, bench.d_state, False, False)
    names = list(backends) or [name for name in backends_for(traits) if name != "reference"]
    for name in names:
        usable, reason = found.get(name, (False, f"choose one of {', '.join(found)}"))
        if not usable:
            raise CIPAError(f"scan backend {name!r} cannot be used: {reason}")
    arguments = _arguments(bench)
    exact = _scan({name: tensor.detach().double() for name, tensor in arguments.items()}, "reference")
    rows: list[tuple[str, ...]] = []
    first: dict[str, float] = {}
    for name in names:
        for kind, backward in (("forward", False), ("forward and backward", True)):
            run = _Pass(arguments, name, backward)
            timing = measure(run, torch.device(bench.device), bench.repeats)
            first.setdefault(kind, timing.seconds)
            error = float((run() - exact).abs().max() / exact.abs().max())
            rows.append((name, kind, *timing.cells, f"{error:.1e}", f"{timing.seconds / first[kind]:.2f}"))
    return render(_HEADER, rows)


@dataclass(frozen=True)
class _Pass:
    arguments: dict[str, Tensor]
    backend: str
    backward: bool

    def __call__(self) -> Tensor:
        with torch.set_grad_enabled(self.backward):
            y = _scan(self.arguments, self.backend)
        if self.backward:
            torch.autograd.grad(y, list(self.arguments.values()), torch.ones_like(y))
        return y.detach()


def _arguments(bench: ScanBench) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    channels, length, d_state = bench.channels, bench.length, bench.d_state
    tensors = {
        "u": draw(bench.batch, channels, length),
        "delta": draw(bench.batch, channels, length),
        "A": -torch.arange(1.0, d_state + 1).repeat(channels, 1),
        "B": draw(bench.batch, _GROUPS, d_state, length),
        "C": draw(bench.batch, _GROUPS, d_state, length),
        "D": torch.ones(channels),
        "delta_bias": draw(channels) - 4,
    }
    return {name: tensor.to(bench.device).requires_grad_() for name, tensor in tensors.items()}


def _scan(arguments: dict[str, Tensor], backend: str) -> Tensor:
    u, delta, A, B, C, D, bias = arguments.values()
    return selective_scan(u, delta, A, B, C, D, delta_bias=bias, delta_softplus=True, backend=backend)
