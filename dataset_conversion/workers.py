"""Runs a function over many jobs in spawned processes, with a progress bar."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

from nnunet_cipa.errors import CIPAError

Job = TypeVar("Job")
Result = TypeVar("Result")


def default_processes() -> int:
    """Return the number of usable CPU cores, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)


def run_jobs(
    function: Callable[[Job], Result], jobs: Sequence[Job], processes: int, description: str, unit: str = "patient"
) -> list[Result]:
    """Apply ``function`` to every job and return the results in the order of the jobs.

    Parameters
    ----------
    function
        A module's top-level function; an error it raises ends the run.
    jobs
        Picklable arguments.
    processes
        Number of spawned processes; with 1 the jobs run in this process.
    description
        Text before the progress bar.
    unit
        What a job is, for the progress bar.

    Raises
    ------
    CIPAError
        If a process is killed.
    """
    with tqdm(total=len(jobs), desc=description, unit=unit, disable=None) as bar:
        if processes == 1:
            results = []
            for job in jobs:
                results.append(function(job))
                bar.update()
            return results
        return _run_pool(function, jobs, min(processes, len(jobs)), bar)


def _run_pool(
    function: Callable[[Job], Result], jobs: Sequence[Job], processes: int, bar: "tqdm[None]"
) -> list[Result]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_worker)
    try:
        futures = [pool.submit(function, job) for job in jobs]
        pending: set[Future[Result]] = set(futures)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            bar.update(len(done))
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise CIPAError(
            f"a worker process was killed, perhaps for lack of memory; try --processes {max(1, processes // 2)}"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    # An interrupt goes to the whole process group; the parent alone decides what follows from it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the parent, even if it is killed: otherwise workers wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
