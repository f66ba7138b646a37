"""Runs readers on mutated files in a process of its own, which may hang, run out of memory or die.

A reader is a class with a name. It is made with an empty folder, where it keeps what it reads in ``input`` and what it
writes in ``output``; ``mutate(rng)`` puts a mutated input there, ``read()`` calls the package, and ``check(found)``
raises AssertionError if what was accepted is not what the mutated file says.
"""

import json
import os
import resource
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnunet_cipa.errors import CIPAError

SEED = 20261121
LONGEST_S = 10
# What reading one file may need beyond what the process has before it.
MEMORY = 1 << 30
ACCEPTED, REFUSED, FAILED = "accepted", "refused", "failed"


@dataclass
class Tally:
    """What came of the mutations of one reader: counts, failures by their index, most memory that one needed."""

    counts: Counter = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    most_memory: int = 0

    def add(self, index, outcome, detail, memory):
        self.counts[outcome] += 1
        self.most_memory = max(self.most_memory, memory)
        if outcome == FAILED:
            self.failures.append((index, detail))


def fuzz(readers, count, first=0, longest=LONGEST_S):
    """Run ``count`` mutations of each reader, of up to ``longest`` seconds, and return a Tally of each, by name."""
    tallies = {name: Tally() for name in readers}
    todo = [(name, first, first + count) for name in readers]
    while todo:
        todo = _run_child(todo, tallies, longest)
    return tallies


def _run_child(todo, tallies, longest):
    """Run a child until it ends; return what is left to do if it died."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.child", json.dumps(todo), str(longest)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "NUMBA_NUM_THREADS": "1",
            "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
        },
    )
    errors = []
    listener = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    listener.start()
    for line in child.stdout:
        name, index, outcome, detail, memory = json.loads(line)
        tallies[name].add(index, outcome, detail, memory)
        assert (name, index) == (todo[0][0], todo[0][1])
        todo[0] = (name, index + 1, todo[0][2])
        if todo[0][1] == todo[0][2]:
            todo = todo[1:]
    status = child.wait()
    listener.join()
    if not todo:
        assert status == 0, errors[0]
        return []
    name, index, last = todo[0]
    tallies[name].add(index, FAILED, f"the process ended with {status}: {errors[0][-3000:]}", 0)
    return [(name, index + 1, last), *todo[1:]] if index + 1 < last else todo[1:]


def run_one(reader, folder, index):
    """Try the mutation with a number; return the outcome, and what went wrong."""
    rng = np.random.default_rng([SEED, *reader.name.encode(), index])
    reader.mutate(rng)
    before = _outside(folder)
    try:
        found, refusal = reader.read(), None
    except CIPAError as error:
        found, refusal = None, str(error)
    except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
        return FAILED, f"{type(error).__name__}: {error} at {_where(error)}"
    written = _outside(folder) ^ before
    if written:
        return FAILED, f"wrote {sorted(map(str, written))}"
    if refusal is not None:
        return (REFUSED, "") if refusal and "\n" not in refusal else (FAILED, f"not one line: {refusal!r}")
    try:
        reader.check(found)
    except Exception as error:  # noqa: BLE001 - the same for the check, which reads the mutated file too
        return FAILED, f"accepted, but {error!r} at {_where(error)}"
    return ACCEPTED, ""


def limit_memory():
    """Let the process have no more than it has now and ``MEMORY``."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def reset_peak():
    Path("/proc/self/clear_refs").write_text("5")


def peak():
    """Return the most resident memory since ``reset_peak`` in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _outside(folder):
    """All paths beside the reader's own folders, and where hostile names that are absolute lead."""
    mine = (folder / "input", folder / "output")
    below = {path for path in folder.parents[1].rglob("*") if not any(path.is_relative_to(own) for own in mine)}
    return below | set(Path("/").glob("outside*"))


def _where(error):
    trace, place = error.__traceback__, ""
    while trace is not None:
        place += f" {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
