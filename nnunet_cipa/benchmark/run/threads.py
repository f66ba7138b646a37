"""Threads of a job on a CPU, of which nnU-Net takes one for each core of the machine."""

import os

_WAIT_POLICY = "OMP_WAIT_POLICY"


def thread_variables(jobs: int = 1) -> dict[str, str]:
    """Return the variables that let waiting threads sleep where a job's threads are more than its cores.

    Other jobs take a part of the cores, or a cluster, a container or taskset gives only some: threads that wait awake
    would keep the others from computing. A policy of the caller's own stays.

    Parameters
    ----------
    jobs : int
        How many share the cores.
    """
    fewer = jobs > 1 or _allowed_cores() < (os.cpu_count() or 1)
    return {_WAIT_POLICY: "passive"} if fewer and _WAIT_POLICY not in os.environ else {}


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
