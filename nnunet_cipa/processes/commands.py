"""Commands in processes of their own: as typed, found, watched through their log, and ended with all their workers."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.errors import CIPAError

GRACE = 10.0
_LAST_BYTES = 4096


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


def start_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own; what it prints is appended to a log.

    Parameters
    ----------
    command : sequence of str
        Name of a program that was installed with this Python, and its arguments.
    environment : dict of str
        The whole environment of the command.
    log : Path
        The log; its folder has to exist.
    inherited : sequence of int
        File descriptors that the process keeps open.

    Raises
    ------
    CIPAError
        If there is no such program.
    """
    program, *arguments = command
    program = find_program(program)
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - the commands are ours, and no shell reads them
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
        )


def run_process(step: Step, log: Path) -> int:
    """Run a step to its end with the caller's environment and its own; return its status.

    Raises
    ------
    CIPAError
        If there is no such program.
    """
    process = start_process(step.command, {**os.environ, **step.variables}, log)
    try:
        return process.wait()
    except BaseException:
        end_processes([process])
        raise


def end_processes(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End processes and their workers, which share their process groups: a request first, then by force."""
    processes = list(processes)
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    try:
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0))
    finally:
        for process in processes:
            _signal_group(process, signal.SIGKILL)
        for process in processes:
            process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def last_lines(log: Path, count: int) -> Sequence[str]:
    """Return the last lines of a log that are not empty; a carriage return ends a line too."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        text = file.read().decode(errors="replace").replace("\r", "\n")
    return [line.strip() for line in text.splitlines() if line.strip()][-count:]


def describe_status(status: int) -> str:
    """Return what a process ended with: "exit code 1", or the signal's name."""
    if status > 0:
        return f"exit code {status}"
    # the real-time signals between the first and the last have no name in Python
    known = -status in {int(number) for number in signal.Signals}
    return f"signal {signal.Signals(-status).name if known else -status}"
