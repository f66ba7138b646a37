"""Runs a function over many jobs in spawned processes, with a progress bar."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any, Generic, TypeVar

from tqdm import tqdm

from nnunet_cipa.errors import CutOffError

Job = TypeVar("Job")
Result = TypeVar("Result")
# How a pool ends the workers that are left when one of them is gone.
_ENDED_BY_POOL = (None, 0, -int(getattr(signal, "SIGTERM", 15)))
# In a worker: the number of its process at the place of the job that is under way, for all workers.
_worker: dict[str, Any] = {}


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    processes: int,
    description: str,
    name: Callable[[Job], str] = str,
    unit: str = "patient",
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
    name
        Names a job for the user, as in "patient 0594".
    unit
        What a job is, for the progress bar.

    Raises
    ------
    CutOffError
        If a process is killed or crashes; it names the job.
    """
    with tqdm(total=len(jobs), desc=description, unit=unit, disable=None) as bar:
        if processes == 1 or not jobs:
            results = []
            for job in jobs:
                results.append(function(job))
                bar.update()
            return results
        return _Pool(function, jobs, min(processes, len(jobs)), name).run(description, bar)


class _Pool(Generic[Job, Result]):
    """Worker processes, and which job each of them is at."""

    def __init__(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], processes: int, name: Callable[[Job], str]
    ) -> None:
        self._function, self._jobs, self._processes, self._name = function, jobs, processes, name
        self._under_way = RawArray("q", len(jobs))

    def run(self, description: str, bar: "tqdm[None]") -> list[Result]:
        context = multiprocessing.get_context("spawn")
        before = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(
            self._processes, mp_context=context, initializer=_prepare_worker, initargs=(self._under_way,)
        )
        workers: list[BaseProcess] = []
        try:
            futures = [pool.submit(_run, self._function, index, job) for index, job in enumerate(self._jobs)]
            workers += set(multiprocessing.active_children()) - before
            pending: set[Future[Result]] = set(futures)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                bar.update(len(done))
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            pool.shutdown(cancel_futures=True)
            raise CutOffError(f"{description}: {self._cause(workers)}") from error
        finally:
            pool.shutdown(cancel_futures=True)

    def _cause(self, workers: Sequence[BaseProcess]) -> str:
        """Return which jobs the workers were at that ended by themselves, and why they may have."""
        gone = {worker.pid: worker.exitcode for worker in workers if worker.exitcode not in _ENDED_BY_POOL}
        at = [self._jobs[index] for index, pid in enumerate(self._under_way) if pid in gone or (pid and not gone)]
        names = ", ".join(map(self._name, at)) or "no job yet"
        return f"the worker process at {names} {_ending(set(gone.values()), self._processes)}"


def _ending(codes: set[int | None], processes: int) -> str:
    fewer = f"try --processes {max(1, processes // 2)}"
    if codes == {-int(getattr(signal, "SIGKILL", 9))}:
        return f"was killed (SIGKILL), as the system does when memory runs out; {fewer}"
    if codes:
        shown = " and ".join(sorted(map(_shown, codes)))
        return f"ended by itself ({shown}), perhaps for lack of memory; {fewer}"
    return f"was ended from outside; if that was a limit of memory or time, {fewer}"


def _shown(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit status {code}"


def _run(function: Callable[[Job], Result], index: int, job: Job) -> Result:
    under_way = _worker["under way"]
    under_way[index] = os.getpid()
    try:
        return function(job)
    finally:
        under_way[index] = 0


def _prepare_worker(under_way: Any) -> None:
    _worker["under way"] = under_way
    # An interrupt goes to the whole process group; the parent alone decides what follows from it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the parent, even if it is killed: otherwise workers wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
