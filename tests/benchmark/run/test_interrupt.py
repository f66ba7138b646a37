"""What is interrupted or killed leaves no training behind, or one that keeps its fold."""

import contextlib
import json
import os
import signal

import pytest

KEY = "nnUNetTrainer_218x250__nnUNetPlans__2d"


def hanging(fake, wait_for, folds):
    """Return the processes of the trainings that hang, and of their workers."""
    paths = [fake.folder / f"hangs_{fold}" for fold in folds]
    assert wait_for(lambda: all(path.exists() and len(path.read_text().split()) == 2 for path in paths))
    return [int(pid) for path in paths for pid in path.read_text().split()]


def kill_trainings(fake):
    for call in fake.calls():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(call["pid"], signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_trainings_and_their_workers(fake, watch, number):
    wait_for, alive = watch
    fake.behave("* hang")
    process = fake.start("--jobs", 2)
    try:
        pids = hanging(fake, wait_for, (0, 1))
        assert all(map(alive, pids))
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        assert wait_for(lambda: not any(map(alive, pids)))
    finally:
        process.kill()
        kill_trainings(fake)
    assert process.returncode == 1
    assert out.splitlines()[-1] == "nnunet-cipa: error: interrupted"
    assert list(fake.out.rglob("*.part")) == []
    for fold in (0, 1):
        (attempt,) = json.loads((fake.out / "jobs" / KEY / f"fold_{fold}.json").read_text())["attempts"]
        assert attempt["exit_status"] == -signal.SIGTERM
        assert attempt["end"] is not None
    fake.behave()
    assert fake.run("--jobs", 2) == 0


@pytest.mark.slow
def test_a_training_that_outlives_its_benchmark_keeps_its_fold(fake, watch, capsys):
    wait_for, alive = watch
    fake.behave("*/0 hang")
    process = fake.start()
    try:
        pids = hanging(fake, wait_for, (0,))
        process.kill()
        process.communicate(timeout=60)
        fake.behave()
        assert fake.run() == 1
        first, last = capsys.readouterr().err.splitlines()
        assert f"{KEY} fold 0: another process trains this fold" in first
        assert last.startswith("nnunet-cipa: error: 1 of 2 jobs failed")
        assert fake.fold(1).joinpath("checkpoint_final.pth").exists()
    finally:
        process.kill()
        kill_trainings(fake)
    assert wait_for(lambda: not any(map(alive, pids)))
    assert fake.run() == 0
