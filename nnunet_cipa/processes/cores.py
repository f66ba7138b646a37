"""Cores that this process may use, and the default number of processes."""

import os


def usable_cores() -> int:
    """Return the number of CPU cores that a cluster, a container or taskset leaves to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_of_cores(processes: int) -> int:
    """Return the number of usable cores for each of some processes that share them, 1 at least."""
    return max(1, usable_cores() // processes)


def default_processes() -> int:
    """Return the number of usable CPU cores, at most 8."""
    return min(8, usable_cores())
