"""Threads of a job on a CPU, of which nnU-Net takes one for each core of the machine."""

import os

from nnunet_cipa.processes.cores import usable_cores

_WAIT_POLICY = "OMP_WAIT_POLICY"


def thread_variables(device: str, jobs: int = 1) -> dict[str, str]:
    """Return the variables that let waiting threads sleep where a job's threads are more than its cores.

    Other jobs take a part of the cores, or a cluster, a container or taskset gives only some: threads that wait awake
    would keep the others from computing. A policy of the caller's own stays.

    Parameters
    ----------
    device : str
        As after nnU-Net's ``-device``; only on a CPU a job has many threads.
    jobs : int
        How many share the cores.
    """
    if device != "cpu" or _WAIT_POLICY in os.environ:
        return {}
    return {_WAIT_POLICY: "passive"} if jobs > 1 or usable_cores() < (os.cpu_count() or 1) else {}
