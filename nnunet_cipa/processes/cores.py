"""The default number of processes."""

import os


def default_processes() -> int:
    """Return the number of usable CPU cores, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)
