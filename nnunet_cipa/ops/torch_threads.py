"""Torch's own threads, lent to work that is not torch's.

Torch's threads wait for their next work awake, for milliseconds. Threads beside them would share the cores with that;
in place of them, they are at work at once.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

_PROCESS = os.getpid()
_Member: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def run_on_torch_threads(member: Callable[[], None]) -> bool:
    """Call a function on every one of torch's threads at once, the calling one among them, and wait for all.

    Parameters
    ----------
    member : callable
        Must do its share of the work on however many threads it is called; it holds the interpreter's lock.

    Returns
    -------
    bool
        False, with nothing called, where torch's threads cannot be had: torch without GNU's OpenMP interface (as on
        macOS and Windows), and forked processes, whose threads are gone.

    Raises
    ------
    BaseException
        The first that a call raised, after all have ended.
    """
    start = _start_of_team()
    if start is None or os.getpid() != _PROCESS:
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
    if "ATen parallel backend: OpenMP" not in torch.__config__.parallel_info():
        return None
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        # The symbol is looked up in the library and in what it has loaded: another copy of OpenMP has other threads.
        start = ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):  # there is none on this system
        return None
    start.argtypes, start.restype = [_Member, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return start
