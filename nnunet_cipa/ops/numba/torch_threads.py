"""Torch's own threads, lent to work that is not torch's.

Torch's threads wait for their next work awake, for milliseconds. Threads beside them would share the cores with that;
in place of them, they are at work at once.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

SWITCH = "NNUNET_CIPA_TORCH_THREADS"

_PROCESS = os.getpid()
_Member: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def describe_threads() -> str:
    """Return in words on which threads kernels run, and how to change it."""
    if os.environ.get(SWITCH) == "0":
        return f"on threads of its own, as {SWITCH} is 0"
    if _start_of_team() is None:
        return "on threads of its own, as this torch lends none"
    return f"on torch's threads, which is 1.5 times as fast after an operator of torch ({SWITCH}=0 for its own)"


def run_on_torch_threads(member: Callable[[], None]) -> bool:
    """Call a function on every one of torch's threads at once, the calling one among them, and wait for all.

    Parameters
    ----------
    member : callable
        Must do its share of the work on however many threads it is called; it holds the interpreter's lock.

    Returns
    -------
    bool
        False, with nothing called, where torch's threads cannot be had: with ``NNUNET_CIPA_TORCH_THREADS`` set to 0,
        elsewhere than on Linux, with a torch that does not run on OpenMP, and in forked processes, whose threads are
        gone.

    Raises
    ------
    BaseException
        The first that a call raised, after all have ended.
    """
    if os.environ.get(SWITCH) == "0" or os.getpid() != _PROCESS:
        return False
    start = _start_of_team()
    if start is None:
        return False
    errors: list[BaseException] = []

    def call(_: None) -> None:
        try:
            member()
        except BaseException as error:  # noqa: BLE001 - it cannot pass through OpenMP; it is raised below
            errors.append(error)

    start(_Member(call), None, torch.get_num_threads(), 0)
    if errors:
        raise errors[0]
    return True


@cache
def _start_of_team() -> Any:
    """Find what GCC compiles a parallel region to, in the OpenMP library that torch itself runs on; None without."""
    if sys.platform != "linux" or "ATen parallel backend: OpenMP" not in torch.__config__.parallel_info():
        return None
    # As the system's loader looks: what all libraries share comes first, such as another OpenMP that was preloaded,
    # then the library and what it has loaded. Any other copy of OpenMP has other threads.
    own = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    libraries = (ctypes.CDLL(name) for name in (None, str(own) if own.exists() else None))
    start = next((library.GOMP_parallel for library in libraries if hasattr(library, "GOMP_parallel")), None)
    if start is None:
        return None
    start.argtypes, start.restype = [_Member, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return start
