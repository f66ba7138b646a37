"""Runs a prediction in a process of its own, which ends with this one, and whose fall is told as a reason."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.commands import describe_status

_POLL = 0.1


@dataclass(frozen=True)
class Outcome:
    """How a prediction ended: reasons, none if it went well, and what a person should look at."""

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Predictor(Protocol):
    """Predicts the study in a folder, and writes to a folder that is not there yet; has to be picklable."""

    def __call__(self, study: Path, out: Path) -> Outcome:
        """Predict.

        Raises
        ------
        CIPAError, OSError
            If it cannot.
        """


def run_apart(predict: Predictor, study: Path, out: Path, log: Path, stop: threading.Event) -> Outcome | None:
    """Predict in a process of its own, whose print goes to a log.

    Returns
    -------
    Outcome or None
        None if it was stopped, for which the process is killed with all its children.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(predict, study, out, log, there), name="predict")
    process.start()
    there.close()
    try:
        while not wait([here, process.sentinel], _POLL):
            if stop.is_set():
                return None
        try:
            found: Outcome = here.recv()
        except EOFError:
            if stop.is_set():  # an interrupt from the keyboard goes to both
                return None
            process.join()
            ending = describe_status(process.exitcode or 0)
            remedy = "often for lack of memory; free some and send the study again"
            return Outcome((f"the process of the prediction ended with {ending}, {remedy}",))
        return found
    finally:
        _kill_group(process.pid)
        process.kill()  # one that has not come to lead its group
        process.join()
        here.close()


def _work(predict: Predictor, study: Path, out: Path, log: Path, answer: Connection) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    threading.Thread(target=_follow_parent, daemon=True).start()
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    answer.send(_outcome(predict, study, out))
    sys.stdout.flush()


def _outcome(predict: Predictor, study: Path, out: Path) -> Outcome:
    try:
        return predict(study, out)
    except CIPAError as error:
        return Outcome((str(error),))
    except Exception as error:  # noqa: BLE001 - told as a reason; the traceback is in the log
        sys.excepthook(type(error), error, error.__traceback__)
        return Outcome((f"{type(error).__name__}: {error}",))


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _kill_group(os.getpid())
        os._exit(1)


def _kill_group(leader: int | None) -> None:
    """Kill a process and its children."""
    if leader is not None and hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
