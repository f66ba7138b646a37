"""Speed of the selective scan's backends."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import available_backends, selective_scan
from nnunet_cipa.ops.arguments import ScanTraits
from nnunet_cipa.ops.choice import backends_for, check_device
from nnunet_cipa.speed.command import command_line
from nnunet_cipa.speed.machine import bench_versions, measured_machine
from nnunet_cipa.speed.options import ScanBench
from nnunet_cipa.speed.report import BenchReport, BenchRow
from nnunet_cipa.speed.scan_call import ScanCall
from nnunet_cipa.speed.timing import Timing, time_function

_HEADER = (
    "backend", "b, d, l, n", "pass", "median s", "range s", "memory", "states/s", "of copy", "largest error", "ratio",
)  # fmt: skip
# Of the arguments of ``selective_scan``, by their names.
Scan = Callable[[dict[str, Tensor]], Tensor]


def bench_scan(bench: ScanBench) -> BenchReport:
    """Measure backends on the same random calls, forward and forward with backward.

    Parameters
    ----------
    bench : ScanBench
        The calls, and the backends; all that can take the call except ``reference`` if none is named.

    Returns
    -------
    BenchReport
        As of ``compare_scans``.

    Raises
    ------
    CIPAError
        If a backend does not exist or cannot be used, or there is no such device.
    """
    check_device(bench.device)
    found = available_backends()
    traits = ScanTraits(bench.device, torch.float32, max(bench.d_state), False, False)
    names = bench.backends or tuple(name for name in backends_for(traits) if name != "reference")
    for name in names:
        usable, reason = found.get(name, (False, "there is none of that name"))
        if not usable:
            others = ", ".join(other for other, (works, _) in found.items() if works)
            raise CIPAError(f"scan backend {name!r} cannot be used: {reason}; choose among {others}")
    scans = {name: partial(scan_by, backend=name) for name in names}
    return compare_scans(bench, scans, command_line("scan", replace(bench, backends=names)))


def compare_scans(bench: ScanBench, scans: Mapping[str, Scan], command: str) -> BenchReport:
    """Measure functions on the same random calls.

    Returns
    -------
    BenchReport
        States per second are the forward pass's state updates over the seconds of the whole pass, with backward too.
        "of copy" is the bytes that have to move at least (``ScanCall.least_bytes``) a second, over those that a copy
        of a large tensor moves. Errors are of y, relative to the largest magnitude of the reference's in float64. The
        ratio is to the first function.
    """
    machine = measured_machine(torch.device(bench.device))
    kinds = ("forward",) if bench.forward_only else ("forward", "forward and backward")
    rows = []
    calls = list(
        itertools.starmap(ScanCall, itertools.product(bench.batch, bench.channels, bench.length, bench.d_state))
    )
    with tqdm(total=len(calls) * len(scans) * len(kinds), desc="scan", disable=None) as bar:
        for call in calls:
            arguments = call.arguments(bench.device)
            exact = scan_by({name: tensor.detach().double() for name, tensor in arguments.items()}, "reference")
            first: dict[str, float] = {}
            for (name, scan), kind in itertools.product(scans.items(), kinds):
                run = _Pass(scan, arguments, None if kind == "forward" else torch.ones_like(exact, dtype=torch.float32))
                timing = time_function(run, torch.device(bench.device), bench.repeats)
                error = float((run() - exact).abs().max() / exact.abs().max())
                ratio = timing.seconds / first.setdefault(kind, timing.seconds)
                figures = _Figures(name, call, kind, timing, error, ratio)
                rows.append(_row(figures, machine["copy_bytes_per_second"]))
                bar.update()
    return BenchReport("scan", command, machine, bench_versions(), _HEADER, rows)


@dataclass(frozen=True)
class _Figures:
    name: str
    call: ScanCall
    kind: str
    timing: Timing
    error: float
    ratio: float


def _row(figures: _Figures, copy_bytes_per_second: float) -> BenchRow:
    call, seconds = figures.call, figures.timing.seconds
    speed = call.state_updates / seconds
    least = call.least_bytes(backward=figures.kind != "forward")
    fraction = least / seconds / copy_bytes_per_second
    values = {
        "name": figures.name,
        **asdict(call),
        "pass": figures.kind,
        **asdict(figures.timing),
        "state_updates": call.state_updates,
        "states_per_second": speed,
        "least_bytes": least,
        "fraction_of_copy_bandwidth": fraction,
        "largest_error": figures.error,
        "ratio": figures.ratio,
    }
    cells = (figures.name, str(call).strip("()"), figures.kind, *figures.timing.cells, f"{speed:.3g}",
             f"{fraction:.3g}", f"{figures.error:.1e}", f"{figures.ratio:.3g}")  # fmt: skip
    return BenchRow(values, cells)


@dataclass(frozen=True)
class _Pass:
    scan: Scan
    arguments: dict[str, Tensor]
    by_y: Tensor | None  # gradient of y, where the backward pass runs too

    def __call__(self) -> Tensor:
        with torch.set_grad_enabled(self.by_y is not None):
            y = self.scan(self.arguments)
        if self.by_y is not None:
            torch.autograd.grad(y, list(self.arguments.values()), self.by_y)
        return y.detach()


def scan_by(arguments: dict[str, Tensor], backend: str) -> Tensor:
    """Run a backend on the arguments of ``ScanCall``, softplus of delta included."""
    u, delta, A, B, C, D, bias = arguments.values()
    return selective_scan(u, delta, A, B, C, D, delta_bias=bias, delta_softplus=True, backend=backend)
