"""A node in a process of its own: ``python -m tests.listen.node PREDICTOR FOLDER PORT [AE@HOST:PORT ...]``."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUIET = 0.4


class Node:
    """A process that can be killed and started again."""

    def __init__(self, folder, port, *send_to, predictor="predict", **options):
        self.folder, self.port = folder, port
        words = [f"{name}={value}" for name, value in options.items()]
        self._command = [sys.executable, "-m", "tests.listen.node", predictor, folder, port, *words, *send_to]
        self._process = None

    def start(self):
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(list(map(str, self._command)), cwd=ROOT, stdout=log, stderr=log)
        while not listens(self.port):
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        return self

    @property
    def log(self):
        return Path(f"{self.folder}.log")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def end(self):
        """Have it end in order; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.kill()


def listens(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def wait_until(holds, seconds=30):
    """Wait for what another process brings about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def main(predictor, folder, port, *more):
    from nnunet_cipa.listen import predicting
    from nnunet_cipa.listen.options import ListenOptions
    from nnunet_cipa.listen.run import run_node
    from tests.listen import quick

    os.environ["OMP_NUM_THREADS"] = "1"
    given = dict(word.split("=") for word in more if "=" in word)
    predicting.MOST_STARTS = int(given.pop("most_starts", predicting.MOST_STARTS))
    settings = {"quiet": QUIET, "pause": 0.2, **{name: float(value) for name, value in given.items()}}
    send_to = tuple(word for word in more if "@" in word)
    options = ListenOptions(port=int(port), folder=Path(folder), send_to=send_to, **settings)
    run_node(options, getattr(quick, predictor))


if __name__ == "__main__":
    main(*sys.argv[1:])
