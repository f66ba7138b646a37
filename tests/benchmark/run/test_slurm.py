"""Slurm by submitit, with commands of Slurm that run a batch script here, or leave it in the queue."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from nnunet_cipa.benchmark.run.slurm import parse_options
from nnunet_cipa.errors import CIPAError

SBATCH = """\
import os, re, shutil, subprocess, sys
from pathlib import Path

fake = Path(os.environ["FAKE"])
number = 1 + len(list(fake.glob("batch_*")))
script = fake / f"batch_{number}"
shutil.copy(sys.argv[-1], script)
found = re.search(r"--array=0-([0-9]+)", script.read_text())
tasks = range(int(found.group(1)) + 1) if found else [None]
lines = []
for task in tasks:
    more = {"SLURM_JOB_ID": number, "SLURM_NTASKS": 1, "SLURM_JOB_NUM_NODES": 1, "SLURM_NODEID": 0, "SLURM_PROCID": 0,
            "SLURM_LOCALID": 0, "SLURM_JOB_NODELIST": "node1"}
    if task is not None:
        more |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": task}
    lines.append(" ".join([*(f"{name}={value}" for name, value in more.items()), "bash", str(script)]))
if not (fake / "queue_is_full").exists():
    command = "; ".join([*lines, f"[ -e {fake}/requeued ] || touch {fake}/ended_{number}"])
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(["sh", "-c", command], start_new_session=True, **quiet)
print("Submitted batch job", number)
"""
SRUN = """\
import os, subprocess, sys
from pathlib import Path

words = [word for word in sys.argv[1:]]
start = next(i for i, word in enumerate(words) if word.endswith("python"))
with Path(os.environ["FAKE"], "node.log").open("a") as log:
    sys.exit(subprocess.run(words[start:], stdout=log, stderr=log, check=False).returncode)
"""
SACCT = """\
import os
from pathlib import Path

fake = Path(os.environ["FAKE"])
print("JobID|State|NodeList")
for number in range(1, 1 + len(list(fake.glob("batch_*")))):
    state = "COMPLETED" if (fake / f"ended_{number}").exists() else "PENDING"
    for name in (f"{number}_[0-1]", f"{number}_0", f"{number}_1", number):
        print(f"{name}|{state}|")
"""
SCANCEL = """\
import os, sys
from pathlib import Path

with Path(os.environ["FAKE"], "cancelled").open("a") as file:
    print(*sys.argv[1:], file=file)
"""
SCONTROL = """\
import os, subprocess, sys
from pathlib import Path

fake, number = Path(os.environ["FAKE"]), sys.argv[2]
(fake / "requeued").touch()
command = f"bash {fake}/batch_{number}; touch {fake}/ended_{number}"
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
subprocess.Popen(["sh", "-c", command], start_new_session=True, **quiet)
"""
SLURM = ("--executor", "slurm")


@pytest.fixture
def slurm(fake, monkeypatch):
    monkeypatch.setenv("PATH", f"{fake.bin}{os.pathsep}{os.environ['PATH']}")
    for name, text in {
        "sbatch": SBATCH,
        "srun": SRUN,
        "sacct": SACCT,
        "scancel": SCANCEL,
        "scontrol": SCONTROL,
    }.items():
        fake.program(name, text)
    return fake


def batch(fake, number=1):
    """Return the options and the command of a batch script."""
    lines = (fake.folder / f"batch_{number}").read_text().splitlines()
    flags = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")]
    (command,) = [line for line in lines if line.startswith("srun")]
    return {flag.partition("=")[0]: flag.partition("=")[2] for flag in flags}, shlex.split(command)


@pytest.mark.slow
def test_jobs_run_on_nodes_with_the_same_resume(slurm, capsys):
    slurm.behave("*/1 fail-after-latest")
    assert slurm.run(*SLURM, device="cuda") == 1
    options, command = batch(slurm)
    assert options["array"] == "0-1%2"
    assert (options["time"], options["cpus-per-task"], options["gpus-per-node"]) == ("2880", "8", "1")
    start = command.index(sys.executable)
    assert command[start:] == [sys.executable, "-u", "-m", "submitit.core._submit", str(slurm.out / "slurm")]
    words = "Dataset701_Phantom 2d {} -tr nnUNetTrainer_218x250 -p nnUNetPlans -device cuda"
    assert slurm.words() == [words.format(0), words.format(1)]
    first, last = capsys.readouterr().err.splitlines()[-2:]
    key = "nnUNetTrainer_218x250__nnUNetPlans__2d"
    assert f"{key} fold 1: train ended with exit code 3; see {slurm.out / 'jobs' / key / 'fold_1.log'}" in first
    assert last.startswith("nnunet-cipa: error: 1 of 2 jobs failed")
    slurm.forget()
    slurm.behave()
    assert slurm.run(*SLURM, device="cuda") == 0
    assert slurm.words() == [words.format(1) + " --c"]
    attempts = json.loads((slurm.out / "jobs" / key / "fold_1.json").read_text())["attempts"]
    assert [attempt["action"] for attempt in attempts] == ["train", "continue"]
    assert attempts[-1]["machine"]["versions"]["nnunetv2"].startswith("2.8")


@pytest.mark.slow
@pytest.mark.parametrize(("device", "expected"), [("cpu", "passive"), ("cuda", None)])
def test_threads_on_a_node_that_gives_a_part_of_its_cores_wait_asleep(slurm, monkeypatch, one_core, device, expected):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert slurm.run(*SLURM, device=device, folds=(0,)) == 0
    assert [call["variables"].get("OMP_WAIT_POLICY") for call in slurm.calls()] == [expected]


@pytest.mark.slow
def test_a_job_at_its_time_limit_is_queued_again_and_continues(slurm, watch):
    """Slurm's notice reaches the training first, which it ends, and then the process that waits for it."""
    wait_for, alive = watch
    slurm.behave("*/0 latest-then-hang")
    process = slurm.start(*SLURM, folds=(0,), device="cuda")
    hangs = slurm.folder / "hangs_0"
    try:
        assert wait_for(lambda: hangs.exists() and len(hangs.read_text().split()) == 2)
        training, worker = map(int, hangs.read_text().split())
        node = int(subprocess.run(["ps", "-o", "ppid=", "-p", str(training)], capture_output=True, check=True).stdout)
        for pid in (training, worker):
            os.kill(pid, signal.SIGUSR2)
        assert wait_for(lambda: not alive(training))
        time.sleep(0.5)
        os.kill(node, signal.SIGUSR2)
        out, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, out
    words = "Dataset701_Phantom 2d 0 -tr nnUNetTrainer_218x250 -p nnUNetPlans -device cuda"
    assert slurm.words() == [words, words + " --c"]


def test_jobs_are_left_in_the_queue_and_taken_up_by_the_next_run(slurm, capsys):
    (slurm.folder / "queue_is_full").touch()
    given = ("partition=gpu", "time=90", "mem=64GB", "gpus-per-node=2", "reservation=night", "account=lab")
    assert slurm.run(*SLURM, "--no-wait", "--jobs", 1, "--slurm", *given, device="cuda") == 0
    options, _ = batch(slurm)
    wanted = {"partition": "gpu", "time": "90", "mem": "64GB", "gpus-per-node": "2", "reservation": "night",
              "account": "lab", "array": "0-1%1"}  # fmt: skip
    assert {name: options[name] for name in wanted} == wanted
    told = [line for line in capsys.readouterr().out.splitlines() if ": Slurm job " in line]
    assert [line.split(": Slurm job ")[1] for line in told] == ["1_0", "1_1"]
    assert slurm.run(*SLURM, "--no-wait", device="cuda") == 0
    assert not (slurm.folder / "batch_2").exists()
    assert [line for line in capsys.readouterr().out.splitlines() if ": Slurm job " in line] == told


def test_an_interrupt_cancels_what_was_submitted(slurm, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    (slurm.folder / "queue_is_full").touch()
    monkeypatch.setattr("nnunet_cipa.benchmark.run.slurm.time.sleep", interrupt)
    assert slurm.run(*SLURM, device="cuda") == 1
    assert (slurm.folder / "cancelled").read_text().split() == ["1_0", "1_1"]


def test_gpus_of_a_job_train_together(slurm, capsys):
    assert slurm.run(*SLURM, "--slurm", "gpus_per_node=2", "--dry-run", device="cuda") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert [line.endswith("-device cuda -num_gpus 2") for line in lines] == [True, True]
    assert not (slurm.folder / "batch_1").exists()


def test_no_gpu_is_asked_for_on_the_cpu_and_another_way_to_ask_stands_alone(slurm):
    (slurm.folder / "queue_is_full").touch()
    assert slurm.run(*SLURM, "--no-wait", "--out", slurm.folder / "a", device="cpu") == 0
    assert batch(slurm, 1)[0]["gpus-per-node"] == "0"
    given = ("--slurm", "gres=gpu:a100:1", "--out", slurm.folder / "b")
    assert slurm.run(*SLURM, "--no-wait", *given, device="cuda") == 0
    options, _ = batch(slurm, 2)
    assert options["gres"] == "gpu:a100:1"
    assert "gpus-per-node" not in options


def test_no_slurm_here(fake, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(fake.bin))
    assert fake.run(*SLURM, device="cuda") == 1
    assert "run it where sbatch and srun are" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert fake.run(*SLURM, device="cuda") == 1
    assert "pip install 'nnunet-cipa[slurm]'" in capsys.readouterr().err


def test_options_are_those_of_sbatch():
    assert parse_options(["--mem-per-gpu=8GB", "time=5"]) == {"mem_per_gpu": "8GB", "time": "5"}


@pytest.mark.parametrize("pair", ["partition", "=gpu", "time=1-00:00:00", "nodes=2", "array_parallelism=3"])
def test_malformed_options_are_refused(pair):
    with pytest.raises(CIPAError, match=f"^--slurm {pair}: "):
        parse_options([pair])
