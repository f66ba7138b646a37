"""Threads of a job on a CPU, of which nnU-Net takes one for each core of the machine."""

import os

from nnunet_cipa.processes.cores import share_of_cores, usable_cores
from nnunet_cipa.trainers.robust.threads import THREADS_VARIABLE

_WAIT_POLICY = "OMP_WAIT_POLICY"


def thread_variables(device: str, jobs: int = 1) -> dict[str, str]:
    """Return the variables that give a job as many threads as it has cores, and let them sleep while they wait.

    None where a job has the whole machine. Where other jobs take a part of the cores, or a cluster, a container or
    taskset gives only some, more threads would wait for each other, and awake keep others from computing. Values of the
    caller's own stay. A trainer that is neither ours nor written by the benchmark knows only to sleep.

    Parameters
    ----------
    device : str
        As after nnU-Net's ``-device``; only on a CPU a job has many threads.
    jobs : int
        How many share the cores.
    """
    if device != "cpu" or (jobs == 1 and usable_cores() == os.cpu_count()):
        return {}
    wanted = {THREADS_VARIABLE: str(share_of_cores(jobs)), _WAIT_POLICY: "passive"}
    return {name: value for name, value in wanted.items() if name not in os.environ}
