"""Compilation by numba: functions that kernels are made of, and kernels, which are kept on disk where possible."""

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

_logger = logging.getLogger(__name__)


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call; it becomes part of each."""
    return _compiled(function, keep=False)


def compile_kernel(kernel: Callable[..., Any], *constants: object) -> Callable[..., Any]:
    """Compile a kernel on its first call, or load what an earlier process compiled.

    Parameters
    ----------
    kernel : callable
        A function made for each set of constants.
    constants
        What tells this kernel from the others made by the same code.

    Returns
    -------
    callable
        The compiled kernel; it releases the interpreter's lock while it runs.
    """
    # Numba's cache looks at the kernel's own file only; the name tells it of the functions compiled into the kernel.
    kernel.__qualname__ = "_".join([kernel.__name__, *map(str, constants), _sources()])
    try:
        return _compiled(kernel, keep=True)
    except RuntimeError as error:  # numba found no directory that it may write to
        _logger.info("scan kernels are compiled again in every process: %s", error)
        return _compiled(kernel, keep=False)


def _compiled(function: Callable[..., Any], *, keep: bool) -> Callable[..., Any]:
    decorate: Callable[..., Any] = njit(cache=keep, nogil=True, error_model="numpy", forceinline=not keep)
    compiled: Callable[..., Any] = decorate(function)
    return compiled


@cache
def _sources() -> str:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
