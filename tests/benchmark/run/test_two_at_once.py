"""Several processes of ``benchmark run`` at one folder, and one after another that was killed."""

import contextlib
import json
import os
import signal

import pytest

KEY = "nnUNetTrainer_218x250__nnUNetPlans__2d"
REFUSED = "nnunet-cipa: error: {}: another benchmark run is at work here; wait for it to end, or give another folder"


@pytest.fixture
def kill_all(fake):
    """Kill all trainings, now and at the end."""

    def kill():
        for call in fake.calls():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(call["pid"], signal.SIGKILL)

    yield kill
    kill()


def record(fake):
    return json.loads((fake.out / "benchmark.json").read_text())


@pytest.mark.slow
def test_of_three_that_start_at_once_one_works_and_the_others_are_refused(fake, watch, kill_all):
    wait_for, _ = watch
    fake.behave("* wait")
    processes = [fake.start() for _ in range(3)]
    try:
        assert wait_for(lambda: sum(process.poll() is not None for process in processes) == 2, 240)
        refused = [process for process in processes if process.poll() is not None]
        for process in refused:
            (line,) = process.communicate()[0].splitlines()
            assert line.startswith(REFUSED.format(fake.out))
            assert process.returncode == 1
        (winner,) = set(processes) - set(refused)
        assert wait_for(fake.calls, 240)
        assert winner.poll() is None
        (fake.folder / "go").touch()
        winner.communicate(timeout=240)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert winner.returncode == 0
    assert [words.split()[2] for words in fake.words()] == ["0", "1"], "each fold once"
    assert len(record(fake)["runs"]) == 1
    assert record(fake)["runs"][0]["end"] is not None


@pytest.mark.slow
def test_after_a_kill_the_next_run_goes_on(fake, watch, kill_all):
    wait_for, _ = watch
    fake.behave("*/1 latest-then-hang")
    process = fake.start()
    assert wait_for((fake.folder / "hangs_1").exists, 240)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    kill_all()
    fake.forget()
    fake.behave()
    again = fake.start()
    out, _ = again.communicate(timeout=240)
    assert again.returncode == 0, out
    assert [words.split()[2:3] + words.split()[-1:] for words in fake.words()] == [["1", "--c"]]
    killed, done = json.loads((fake.out / "jobs" / KEY / "fold_1.json").read_text())["attempts"]
    assert (killed["action"], killed["end"], done["action"], done["exit_status"]) == ("train", None, "continue", 0)
    assert [run["end"] is None for run in record(fake)["runs"]] == [True, False]
    assert list(fake.out.rglob("*.part")) == []
