"""Runs commands one after the other, each printed as a user would type it, its output in a log."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from nnunet_cipa.errors import CIPAError

_LAST_LINES = 5
_LAST_BYTES = 4096
_POLL = 0.5
_GRACE = 10.0


@dataclass(frozen=True)
class Step:
    """A command with its name, and the variables that it alone needs."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The command as it is typed in a shell."""
        assignments = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        return " ".join([*assignments, shlex.join(self.command)])


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
        status = self._execute(step, log)
        if status:
            raise CIPAError(
                f"step {step.name} ended with {_describe(status)}; its output is in {log} and ends with: "
                f"{' | '.join(_last_lines(log, _LAST_LINES)) or '(nothing)'}"
            )
        return time.monotonic() - start

    def _execute(self, step: Step, log: Path) -> int:
        program = find_program(step.command[0])
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - the commands are ours, and no shell reads them
                [program, *step.command[1:]],
                env={**self.environment, **step.variables},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return _wait(process, log)
        except BaseException:
            _end(process)
            raise


def find_program(name: str) -> str:
    """Return the path of a program that was installed with this Python, whether or not it is on the PATH.

    Raises
    ------
    CIPAError
        If it is not there.
    """
    program = Path(sys.executable).parent / name
    if not os.access(program, os.X_OK):
        raise CIPAError(f"{program}: no such program; install nnunet-cipa and nnunetv2 into the same environment")
    return str(program)


def _wait(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the process; on a terminal, show the seconds and the last line of the log meanwhile."""
    with tqdm(bar_format="  {elapsed}  {desc}", leave=False, disable=None, dynamic_ncols=True) as bar:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL)
            bar.set_description_str(next(iter(_last_lines(log, 1)), "")[:100])


def _last_lines(log: Path, count: int) -> Sequence[str]:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        text = file.read().decode(errors="replace").replace("\r", "\n")
    return [line.strip() for line in text.splitlines() if line.strip()][-count:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its workers, which share its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _describe(status: int) -> str:
    if status > 0:
        return f"exit code {status}"
    # the real-time signals between the first and the last have no name in Python
    known = -status in {int(number) for number in signal.Signals}
    return f"signal {signal.Signals(-status).name if known else -status}"
