"""Runs commands one after the other, each printed as a user would type it, its output in a log."""

import contextlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from nnunet_cipa.demo.progress import TrainingStep
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.commands import Step, describe_status, end_processes, last_lines, start_process

_LAST_LINES = 5
_POLL = 0.5


@dataclass
class StepRunner:
    """Runs steps in processes of their own and keeps what they print in ``logs``.

    Attributes
    ----------
    logs : Path
        Folder of the logs, NN_name.log by step; it has to exist.
    environment : dict of str
        The whole environment of the commands.
    """

    logs: Path
    environment: Mapping[str, str]
    _count: int = 0

    def log_of(self, name: str) -> str:
        """Return what the step of that name has printed."""
        (log,) = self.logs.glob(f"??_{name}.log")
        return _read(log)

    def run(self, step: Step) -> float:
        """Run a step and return the seconds it took.

        Raises
        ------
        CIPAError
            If it cannot be started or ends with another status than 0; the message has the log's path and last lines.
        """
        self._count += 1
        log = self.logs / f"{self._count:02d}_{step.name}.log"
        start = time.monotonic()
        process = start_process(step.command, {**self.environment, **step.variables}, log)
        try:
            status = _wait(process, log, step)
        except BaseException:
            end_processes([process])
            raise
        if status:
            raise CIPAError(
                f"step {step.name} ended with {describe_status(status)}; its output is in {log} and ends with: "
                f"{' | '.join(last_lines(log, _LAST_LINES)) or '(nothing)'}"
            )
        return time.monotonic() - start


def _wait(process: subprocess.Popen[bytes], log: Path, step: Step) -> int:
    """Wait for the process and show how far it is: a bar on a terminal, elsewhere a line for each epoch of a training.

    A bar of a step that is not a training has the last line of its log.
    """
    told = ""
    with tqdm(bar_format="  {elapsed}  {desc}", leave=False, disable=None, dynamic_ncols=True) as bar:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL)
            line = step.describe(_read(log)) if isinstance(step, TrainingStep) else ""
            if bar.disable and line not in {"", told}:
                print(f"  {line}", flush=True)
                told = line
            bar.set_description_str((line or next(iter(last_lines(log, 1)), ""))[:100])


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
