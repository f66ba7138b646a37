"""Runs one job: locked, logged and recorded."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nnunet_cipa.benchmark.plan.jobs import Action, Job
from nnunet_cipa.benchmark.run.layout import is_job_record
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_json, write_json
from nnunet_cipa.processes.commands import describe_status, end_processes, last_lines, start_process

_LAST_LINES = 3
_POLL = 0.2
_NOTICES = (signal.SIGTERM, signal.SIGUSR2)
_NOTICE = 30.0


@dataclass(frozen=True)
class Result:
    """How a job ended.

    Attributes
    ----------
    job : Job
        The job.
    problem : str
        What went wrong, with the log's path; empty if nothing.
    seconds : float
        Duration.
    """

    job: Job
    problem: str = ""
    seconds: float = 0.0


class RunningJob:
    """A job whose command is being executed.

    Parameters
    ----------
    job : Job
        The job; something has to remain to be done.
    variables : dict
        Variables on top of the caller's and the job's, such as CUDA_VISIBLE_DEVICES.
    machine : dict
        What the record says of the machine.

    Raises
    ------
    CIPAError
        If another process is at work on this fold, also one that outlived its benchmark; there is no such program; or
        the record of what was run before is damaged.
    """

    def __init__(self, job: Job, variables: Mapping[str, str], machine: Mapping[str, Any]) -> None:
        self.job = job
        job.records.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(job)
        try:
            self._attempts = read_attempts(job)
            self.action = job.next_action()
            job.set_broken_aside()
            step = job.step(self.action)
            with job.log.open("a", encoding="utf-8") as log:
                log.write(f"$ {step.line}\n")
            environment = {**os.environ, **job.variables, **variables}
            self._process = start_process(step.command, environment, job.log, inherited=(self._lock,))
        except BaseException:
            os.close(self._lock)
            raise
        self._start = time.monotonic()
        self._attempts.append(
            {
                "action": self.action.value,
                "command": step.line,
                "seed": job.seed,
                "variables": dict(variables),
                "start": now(),
                "end": None,
                "seconds": None,
                "exit_status": None,
                "machine": machine,
            }
        )
        self._write()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process, the leader of its group."""
        return self._process

    def poll(self) -> Result | None:
        """Return how the job ended, or None while it runs."""
        status = self._process.poll()
        return None if status is None else self._finish(status)

    def interrupted(self) -> None:
        """Record that the process was ended from here."""
        self._finish(self._process.wait())

    def _finish(self, status: int) -> Result:
        seconds = time.monotonic() - self._start
        self._attempts[-1] |= {"end": now(), "seconds": round(seconds, 1), "exit_status": status}
        self._write()
        os.close(self._lock)
        problem = describe_status(status) if status else ""
        if not problem and self.job.next_action() is not Action.NONE:
            problem = f"exit code 0 but left no {self.job.folder / 'validation' / 'summary.json'}"
        if problem:
            told = " | ".join(last_lines(self.job.log, _LAST_LINES))
            problem = f"{self.job.name}: {self.action.value} ended with {problem}; see {self.job.log}, its end: {told}"
        return Result(self.job, problem, seconds)

    def _write(self) -> None:
        content = {"model": self.job.model, "fold": self.job.fold, "attempts": self._attempts}
        write_json(self.job.record, content)


def run_to_the_end(job: Job, variables: Mapping[str, str], machine: Mapping[str, Any]) -> Result:
    """Run a job on a node, unless nothing remains, and wait for it; its process does not outlive this one."""
    if job.next_action() is Action.NONE:
        return Result(job)
    running = RunningJob(job, variables, machine)
    try:
        while (result := running.poll()) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(_POLL)
    except BaseException:
        end_processes([running.process])
        running.interrupted()
        raise
    if -running.process.returncode in _NOTICES:
        # Slurm gives notice to all processes of a job: this one is about to hear it too, and then to be queued again.
        time.sleep(_NOTICE)
    return result


def read_attempts(job: Job) -> list[dict[str, Any]]:
    """Return what was run for a job so far, none if nothing was.

    Raises
    ------
    CIPAError
        If the record is damaged.
    """
    if not job.record.is_file():
        return []
    remedy = "remove it; the training is not lost"
    content = read_json(job.record, remedy)
    if not is_job_record(content):
        raise CIPAError(f"{job.record}: is not a record of a fold, or damaged; {remedy}")
    return list(content["attempts"])


def now() -> str:
    """Return the time as ISO 8601, in UTC to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _lock(job: Job) -> int:
    """Return a locked file descriptor.

    The lock belongs to all who have the descriptor, so a training that outlives a killed benchmark keeps it; this is
    why it is not a FileLock, which does not give it away.
    """
    path = Path(job.records) / f"fold_{job.fold}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CIPAError(
            f"{job.name}: another process trains this fold (it holds {path}); wait for it or end it, see {job.log}"
        ) from error
    return descriptor
