"""The numba backend among threads and forked processes, and its compiled code on disk."""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nnunet_cipa.ops import selective_scan
from nnunet_cipa.ops.numba import compile as numba_compile
from nnunet_cipa.ops.numba import threads as numba_threads


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def lend_no_threads(member: Callable[[], None]) -> bool:
    """Stand for a torch whose threads cannot be had."""
    return False


@pytest.fixture(params=["torch's threads", "plain threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain threads":
        monkeypatch.setattr(numba_threads, "run_on_torch_threads", lend_no_threads)
    return request.param


on_either_threads = pytest.mark.usefixtures("threads")


@pytest.fixture
def inputs(make_inputs: Callable[..., dict[str, Tensor]]) -> dict[str, Tensor]:
    # Enough states for several threads of ours; too few elements for several of torch's, which do not survive a fork.
    drawn = make_inputs(1, 32, 400, 16, 1, dtype=torch.float32)
    assert drawn["u"].numel() * 16 > numba_threads._WORTH_A_THREAD
    return {name: x.detach() for name, x in drawn.items()}


def scan(inputs: dict[str, Tensor]) -> list[Tensor]:
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    y = selective_scan(**leaves, delta_softplus=True, backend="numba")
    y.sum().backward()
    return [y.detach(), *(x.grad for x in leaves.values())]


@on_either_threads
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("work", [0, 10**9])
def test_every_task_is_done_once(tasks: int, work: int) -> None:
    done = []
    numba_threads.run_tasks(lambda first, last: done.extend(range(first, last)), tasks, work=work)
    assert sorted(done) == list(range(tasks))


@on_either_threads
def test_tasks_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=20)
    numba_threads.run_tasks(lambda first, last: meeting.wait(), 2, work=10**9)


@on_either_threads
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_a_task_is_raised(failing: int) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def run(first: int, last: int) -> None:
        meeting.wait()
        if first == failing:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        numba_threads.run_tasks(run, 2, work=10**9)


def test_the_interpreter_runs_on_while_a_kernel_does(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    torch.set_num_threads(1)
    drawn = make_inputs(1, 128, 16384, 256, 1, dtype=torch.float32)
    inputs = {name: x.detach() for name, x in drawn.items() if name != "z"}
    selective_scan(**inputs, backend="numba")
    shares = []
    for _ in range(3):
        ticks, stop = [time.perf_counter()], threading.Event()

        def watch(ticks: list[float] = ticks, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                time.sleep(0.001)
                ticks.append(time.perf_counter())

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        selective_scan(**inputs, backend="numba")
        duration = time.perf_counter() - start
        stop.set()
        watcher.join()
        shares.append(max(later - earlier for earlier, later in pairwise(ticks)) / duration)
    assert min(shares) < 0.4, shares


@on_either_threads
def test_thread_count_does_not_change_the_result(inputs: dict[str, Tensor]) -> None:
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(scan(inputs))
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@on_either_threads
def test_two_python_threads_at_once(inputs: dict[str, Tensor]) -> None:
    expected = scan(inputs)
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda _: scan(inputs), range(20)):
            for found, value in zip(result, expected, strict=True):
                assert torch.equal(found, value)


def child(inputs: dict[str, Tensor], connection: object) -> None:
    connection.send([x.numpy() for x in scan(inputs)])


def scan_before_in_and_after_forks(inputs: dict[str, Tensor], threads: str) -> list[list[Tensor]]:
    """Return what the parent finds, then two children of it one after another, then the parent again."""
    torch.set_num_threads(2)
    if threads == "plain threads":
        numba_threads.run_on_torch_threads = lend_no_threads
    found = [scan(inputs)]
    assert numba_threads._pools or threads == "torch's threads"
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(inputs, sender), daemon=True)
        process.start()
        assert receiver.poll(60)
        found.append([torch.from_numpy(x) for x in receiver.recv()])
        process.join(20)
        assert process.exitcode == 0
    return [*found, scan(inputs)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child(inputs: dict[str, Tensor], threads: str) -> None:
    """In a process of its own: once PyTorch has threads for a backward pass, it refuses one in a forked child."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = pool.submit(scan_before_in_and_after_forks, inputs, threads).result(300)
    assert len(results) == 4
    for result in results[1:]:
        for found, value in zip(result, results[0], strict=True):
            assert torch.equal(found, value)


CACHED = """
import torch
from nnunet_cipa.ops import ScanWeights, cross_scan, selective_scan
from nnunet_cipa.ops.numba.kernels.cross_forward import cross_forward_kernel
from nnunet_cipa.ops.numba.kernels.forward import forward_kernel
x = torch.ones(1, 2, 8)
selective_scan(x, x, -torch.ones(2, 4), torch.ones(2, 4), torch.ones(2, 4), delta_softplus=True, backend="numba")
weights = torch.ones(4, 3, 2), torch.ones(4, 2, 1), torch.ones(4, 2), -torch.ones(4, 2, 1), torch.ones(4, 2)
cross_scan(torch.ones(1, 1, 1, 2), ScanWeights(*weights), backend="numba")
kernels = forward_kernel(4, True), cross_forward_kernel(True)
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels))
"""


def test_compiled_code_is_kept_on_disk(tmp_path: Path) -> None:
    hits = []
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "-c", CACHED],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        hits.append(int(result.stdout))
    assert hits == [0, 2]


def test_no_place_for_compiled_code(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    original = numba_compile.njit

    def njit(*, cache: bool, **options: object) -> Callable[..., object]:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(cache=cache, **options)

    monkeypatch.setattr(numba_compile, "njit", njit)
    with caplog.at_level(logging.INFO, logger=numba_compile.__name__):
        kernel = numba_compile.compile_kernel(lambda x: x + 1, 7)
    assert kernel(1) == 2
    assert "no locator available" in caplog.text
