"""Runs jobs on this machine, several at a time."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nnunet_cipa.benchmark.plan.jobs import Job
from nnunet_cipa.benchmark.run.execute import Result, RunningJob
from nnunet_cipa.benchmark.run.threads import thread_variables
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.commands import end_processes

_POLL = 0.2


def make_slots(jobs: int | None, gpus: Sequence[str], device: str) -> list[dict[str, str]]:
    """Return the variables of each job that runs at a time; GPUs take turns, and jobs on a CPU share its cores.

    Parameters
    ----------
    jobs : int or None
        Jobs at a time; by default one for each GPU.
    gpus : sequence of str
        As in CUDA_VISIBLE_DEVICES; none leaves the choice to nnU-Net.
    device : str
        As after nnU-Net's ``-device``.
    """
    count = max(len(gpus), 1) if jobs is None else jobs
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)]} for index in range(count)]
    return [thread_variables(device, count) for _ in range(count)]


class LocalRun:
    """Runs jobs in their order, as many at a time as there are slots; a failure does not stop the others.

    Parameters
    ----------
    slots : sequence of dict
        Variables of the jobs that run at a time.
    machine : dict
        What the records say of the machine.
    started, ended : callable
        Told of each job.
    """

    def __init__(
        self,
        slots: Sequence[Mapping[str, str]],
        machine: Mapping[str, Any],
        *,
        started: Callable[[RunningJob], None],
        ended: Callable[[Result], None],
    ) -> None:
        self.slots = slots
        self.machine = machine
        self._started, self._ended = started, ended
        self._running: dict[int, RunningJob] = {}
        self._results: list[Result] = []

    def run(self, jobs: Iterable[Job]) -> list[Result]:
        """Run jobs of which something remains to be done; an interrupt ends all their processes and workers."""
        waiting = deque(jobs)
        try:
            while waiting or self._running:
                for slot in set(range(len(self.slots))) - self._running.keys():
                    if waiting:
                        self._start(waiting.popleft(), slot)
                self._collect()
        except BaseException:
            end_processes(active.process for active in self._running.values())
            for active in self._running.values():
                active.interrupted()
            raise
        return self._results

    def _start(self, job: Job, slot: int) -> None:
        try:
            self._running[slot] = RunningJob(job, self.slots[slot], self.machine)
        except (CIPAError, OSError) as error:
            self._end(Result(job, str(error)))
        else:
            self._started(self._running[slot])

    def _collect(self) -> None:
        """Take up the jobs that have ended; wait a little if none has."""
        ended = [(slot, result) for slot, active in self._running.items() if (result := active.poll()) is not None]
        for slot, result in ended:
            del self._running[slot]
            self._end(result)
        if self._running and not ended:
            time.sleep(_POLL)

    def _end(self, result: Result) -> None:
        self._results.append(result)
        self._ended(result)
