"""Threads for the numba kernels: torch's own where they can be had, else as many plain ones.

The kernels release the interpreter's lock, so that threads run them side by side. Numba's thread pools would not do:
one of them aborts the process when two threads call it at once, the other in a forked child, and nnU-Net forks.
(Torch's own threads do not survive a fork: a child that computes sets torch's thread count to one, as torch's own
loaders do.)
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import torch

from nnunet_cipa.ops.numba.torch_threads import run_on_torch_threads

_WORTH_A_THREAD = 200_000  # state updates; about as long as it takes to wake a thread

_pools: dict[int, ThreadPoolExecutor] = {}

if hasattr(os, "register_at_fork"):
    # A forked child has the pools' records but not their threads.
    os.register_at_fork(after_in_child=_pools.clear)


def run_tasks(run: Callable[[int, int], None], tasks: int, *, work: int) -> None:
    """Run ``run(first, last)`` over the range of tasks, on as many threads as torch has.

    Parameters
    ----------
    run : callable
        Does the tasks from ``first`` up to ``last``; must be safe to call from several threads at once.
    tasks : int
        Number of tasks.
    work : int
        State updates in all tasks together; a small job stays on the calling thread.
    """
    threads = min(torch.get_num_threads(), tasks)
    if threads < 2 or work < _WORTH_A_THREAD:
        run(0, tasks)
        return
    counter = itertools.count()  # its next() is atomic, so that each task is taken once

    def take() -> None:
        while (task := next(counter)) < tasks:
            run(task, task + 1)

    if not run_on_torch_threads(take):
        _run_on_plain_threads(take, threads)


def _run_on_plain_threads(member: Callable[[], None], threads: int) -> None:
    helpers = [_pool(threads - 1).submit(member) for _ in range(threads - 1)]
    member()
    wait(helpers)
    for helper in helpers:
        helper.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    pool = _pools.get(threads)
    if pool is None:
        pool = _pools.setdefault(threads, ThreadPoolExecutor(threads, thread_name_prefix="selective_scan"))
    return pool
