"""Seconds and peak memory of a function."""

import ctypes
import math
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Timing:
    """What some runs of a function took.

    Attributes
    ----------
    seconds : float
        Median over the runs.
    fastest, slowest : float
        The extremes, in seconds.
    peak_bytes : float
        The most that was in use above what was in use before: of the device's memory on CUDA, of the process's
        resident memory on a CPU under Linux; NaN elsewhere.
    """

    seconds: float
    fastest: float
    slowest: float
    peak_bytes: float

    @property
    def cells(self) -> tuple[str, str, str]:
        """Median, range and memory as a table shows them."""
        memory = "n/a" if math.isnan(self.peak_bytes) else f"{self.peak_bytes / 2**20:,.0f} MiB"
        return f"{self.seconds:.4g}", f"{self.fastest:.4g} to {self.slowest:.4g}", memory


def time_function(function: Callable[[], object], device: torch.device, repeats: int) -> Timing:
    """Run a function once to warm up, once for its memory, then ``repeats`` times against the clock."""
    function()
    peak = _peak_memory(function, device)
    seconds = [_seconds(function, device) for _ in range(repeats)]
    return Timing(statistics.median(seconds), min(seconds), max(seconds), peak)


def time_once(function: Callable[[], object], device: torch.device) -> Timing:
    """Run a function that takes long a single time, for its seconds and its memory."""
    taken: list[float] = []
    peak = _peak_memory(lambda: taken.append(_seconds(function, device)), device)
    return Timing(taken[0], taken[0], taken[0], peak)


def _seconds(function: Callable[[], object], device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    function()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _peak_memory(function: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        function()
        return float(torch.cuda.max_memory_allocated(device) - before)
    if device.type != "cpu" or not _CLEAR.exists():
        return math.nan
    _give_back_freed_memory()
    _CLEAR.write_text("5")  # starts the high-water mark of resident memory again
    before = _resident("VmRSS")
    function()
    return float(_resident("VmHWM") - before)


def _give_back_freed_memory() -> None:
    """Return what glibc keeps for later to the system, or a second call would seem to need no memory."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    assert found is not None  # noqa: S101 - Linux always has both lines
    return int(found.group(1)) * 1024
