import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from nnunet_cipa.demo import steps
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes import commands as processes
from nnunet_cipa.processes.commands import Step, find_program


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make a shell script that is installed where this Python is taken to be."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def make(text, name="job"):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return name

    return make


@pytest.fixture
def runner(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    return StepRunner(logs, {"PATH": os.defpath, "SHARED": "yes", "BOTH": "runner"})


def logs_of(runner):
    return {path.name: path.read_text() for path in sorted(runner.logs.iterdir())}


def test_logs_are_numbered_in_the_order_of_the_steps(program, runner):
    job = program('echo "got $*"; echo "and an error" >&2')
    for name, words in (("zeta", ("1", "two words")), ("alpha", ("$HOME", "*"))):
        assert 0 <= runner.run(Step(name, (job, *words))) < 30
    assert logs_of(runner) == {
        "01_zeta.log": "got 1 two words\nand an error\n",
        "02_alpha.log": "got $HOME *\nand an error\n",
    }


def test_the_environment_is_that_of_the_runner_and_the_step_alone(program, runner, monkeypatch):
    monkeypatch.setenv("FROM_THE_CALLER", "leaked")
    before = dict(os.environ)
    runner.run(Step("a", (program("env"),), {"OWN": "only here", "BOTH": "step"}))
    runner.run(Step("b", ("job",)))
    first, second = (dict(line.split("=", 1) for line in text.splitlines()) for text in logs_of(runner).values())
    assert (first["SHARED"], first["OWN"], first["BOTH"]) == ("yes", "only here", "step")
    assert (second["SHARED"], second["BOTH"]) == ("yes", "runner")
    assert "OWN" not in second
    assert "FROM_THE_CALLER" not in first | second
    assert dict(os.environ) == before


def test_the_line_can_be_typed_in_a_shell(tmp_path):
    words = ("printenv", "NAME OF IT", "a'b", "$HOME")
    step = Step("a", words, {"VALUE": "it's $5; ok"})
    script = f'printenv() {{ printf \'%s\\n\' "$VALUE" "$@"; }}\n{step.line}'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["it's $5; ok", *words[1:]]
    assert shlex.split(step.line) == ["VALUE=it's $5; ok", *words]


def test_failure_names_step_status_log_and_the_last_lines(program, runner):
    job = program("for i in 1 2 3 4 5 6 7; do echo line $i; echo; done; printf 'working\\rno memory'; exit 3")
    with pytest.raises(CIPAError) as error:
        runner.run(Step("train", (job,)))
    assert str(error.value) == (
        f"step train ended with exit code 3; its output is in {runner.logs / '01_train.log'} and ends with: "
        "line 5 | line 6 | line 7 | working | no memory"
    )


def test_long_output_that_is_no_text(program, runner):
    job = program("head -c 100000 /dev/zero | tr '\\0' '\\377'; echo; echo last; exit 1")
    with pytest.raises(CIPAError, match=r" \| last$") as error:
        runner.run(Step("a", (job,)))
    assert len(str(error.value)) < 5000


def test_failure_without_a_word(program, runner):
    with pytest.raises(CIPAError, match=r"exit code 1; .* ends with: \(nothing\)$"):
        runner.run(Step("a", (program("exit 1"),)))


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM"), (40, "40")])
def test_a_killed_step_names_the_signal(program, runner, number, name):
    with pytest.raises(CIPAError, match=rf"step a ended with signal {name}; .*01_a\.log and ends with: before$"):
        runner.run(Step("a", (program(f"echo before; kill -{number} $$"),)))


@pytest.mark.parametrize("present", [False, True])
def test_program_that_is_missing_or_cannot_be_run(program, runner, tmp_path, present):
    path = tmp_path / "bin" / "nnUNetv2_train"
    if present:
        path.write_text("not executable")
    with pytest.raises(CIPAError, match=rf"^{path}: no such program; install"):
        runner.run(Step("train", ("nnUNetv2_train",)))
    assert logs_of(runner) == {}


def test_programs_are_those_of_this_python(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    done = subprocess.run([find_program("nnunet-cipa"), "plugin-path"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("nnunet_trainers")


def alive(pid):
    """Whether a process runs; a zombie that nobody waits for does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("how", ["", "trap '' TERM;"])
def test_an_interrupt_ends_the_step_and_its_workers(program, runner, tmp_path, monkeypatch, how):
    """The second step's processes ignore SIGTERM, as a worker that hangs in a library would."""
    pids = tmp_path / "pids"
    job = program(f"{how} sh -c '{how} echo $$ >> {pids}; sleep 300; :' & echo $$ >> {pids}; wait; sleep 300")
    monkeypatch.setattr(processes, "GRACE", 0.3)

    def interrupted(process, *_):
        assert wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(Step("a", (job,)))
    child, grandchild = (int(pid) for pid in pids.read_text().split())
    assert wait_for(lambda: not alive(child) and not alive(grandchild))


def test_a_worker_that_ignores_the_signal_does_not_outlive_its_parent(program, runner, tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    job = program(f"sh -c \"trap '' TERM; echo \\$\\$ > {pid}; while :; do sleep 1; done\" & wait")
    monkeypatch.setattr(steps, "_wait", lambda *_: wait_for(pid.exists) and signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        runner.run(Step("a", (job,)))
    assert wait_for(lambda: not alive(int(pid.read_text())))
