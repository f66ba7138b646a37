"""Torch's threads at work for others."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nnunet_cipa.ops.numba.torch_threads import SWITCH, describe_threads, run_on_torch_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="torch's threads are lent on Linux")


@pytest.fixture(autouse=True, params=[2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_each_thread_is_called_once_and_all_at_the_same_time(threads: int) -> None:
    meeting, callers = threading.Barrier(threads, timeout=20), []

    def member() -> None:
        meeting.wait()
        callers.append(threading.get_native_id())

    assert run_on_torch_threads(member)
    assert len(set(callers)) == len(callers) == threads
    assert threading.get_native_id() in callers


def test_the_threads_are_those_that_torch_computes_on() -> None:
    torch.ones(10**6).add_(1)  # large enough for torch to start all of them
    before = threads_of_process()
    callers: set[int] = set()
    for _ in range(20):
        assert run_on_torch_threads(lambda: callers.add(threading.get_native_id()))
    assert callers <= before
    assert threads_of_process() <= before


def threads_of_process() -> set[int]:
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}


def test_the_switch_leaves_them_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe_threads().startswith("on torch's threads")
    monkeypatch.setenv(SWITCH, "0")
    callers: list[int] = []
    assert not run_on_torch_threads(lambda: callers.append(1))
    assert not callers
    assert describe_threads() == "on threads of its own, as NNUNET_CIPA_TORCH_THREADS is 0"


def test_work_goes_on_after_an_error_which_is_raised(threads: int) -> None:
    meeting, done = threading.Barrier(threads, timeout=20), []

    def member() -> None:
        if meeting.wait() == 0:
            raise ValueError("broken")
        done.append(1)

    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            run_on_torch_threads(member)
    assert len(done) == 3 * (threads - 1)
    assert torch.equal(torch.ones(10**6) + 1, torch.full((10**6,), 2.0))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_none(tmp_path: Path) -> None:
    assert run_on_torch_threads(lambda: None)

    def child() -> None:
        (tmp_path / "answer").write_text(str(run_on_torch_threads(lambda: None)))

    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    process.join(60)
    assert (tmp_path / "answer").read_text() == "False"
