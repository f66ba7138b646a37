"""Ratios of two networks' times, pass by pass in turn in one process, also with a busy process beside it.

Run ``python -m tests.measurements.interleaved``: a prediction in float32 and in bfloat16, and forward with backward.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from nnunet_cipa.speed.networks import NetworkSetting

_BUSY = "while True: pass"


def passes(name: str, side: int) -> dict[str, Callable[[], object]]:
    """Return the passes of a network on one pair of images."""
    setting = NetworkSetting(name, "tiny", 1, (side, side), 1)
    network = setting.build()
    image = torch.randn(setting.input_shape, generator=torch.Generator().manual_seed(0))
    target = torch.zeros(1, side, side, dtype=torch.long)

    def predict(bfloat16: bool) -> None:
        network.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            network(image)

    def train() -> None:
        network.train()
        network.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(image), target).backward()

    return {
        "prediction": lambda: predict(False),
        "prediction, bfloat16": lambda: predict(True),
        "forward and backward": train,
    }


def measure(networks: list[str], side: int, repeats: int) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield of each pass the seconds of each network, after one pass to warm up."""
    of_each = [passes(name, side) for name in networks]
    for kind in of_each[0]:
        seconds: list[list[float]] = [[] for _ in networks]
        for repeat in range(repeats + 1):
            for place, functions in enumerate(of_each):
                start = time.perf_counter()
                functions[kind]()
                if repeat:
                    seconds[place].append(time.perf_counter() - start)
        yield kind, seconds


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep as many cores busy from outside."""
    started = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def main() -> None:
    """Print a row for each pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs=2, default=["resenc-l", "cipa"])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--busy", type=int, default=0, help="processes beside it that do nothing but compute")
    arguments = parser.parse_args()
    first, second = arguments.networks
    print(f"| pass | {first} s | {second} s | ratio | range of the ratio |")
    print("|---|---|---|---|---|")
    with busy_processes(arguments.busy):
        for kind, seconds in measure(arguments.networks, arguments.side, arguments.repeats):
            ratios = [b / a for a, b in zip(*seconds, strict=True)]
            medians = [statistics.median(each) for each in seconds]
            cells = (*(f"{median:.3g}" for median in medians), f"{statistics.median(ratios):.2f}")
            print(f"| {kind} | {' | '.join(cells)} | {min(ratios):.2f} to {max(ratios):.2f} |", flush=True)


if __name__ == "__main__":
    main()
