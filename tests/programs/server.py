"""A process that has imported nnU-Net and the trainers, and forks one for each program it is asked to run.

Such a program is the one that pip installed, with its own arguments, variables, folder and output, in a process
group of its own. What differs: the imports are done, there is one core, and the workers that nnU-Net spawns are forked.
"""

import importlib
import json
import multiprocessing
import os
import random
import select
import signal
import socket
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path

SOCKET = "server"
# What is read when modules are imported, and so is the same for all programs.
READ_ON_IMPORT = {"nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
MODULES = (
    "nnunet_cipa.cli",
    "nnunet_cipa.trainers",
    "nnunetv2.evaluation.find_best_configuration",
    "nnunetv2.experiment_planning.plan_and_preprocess_entrypoints",
    "nnunetv2.inference.predict_from_raw_data",
    "nnunetv2.model_sharing.entry_points",
    "nnunetv2.run.run_training",
    "numba",
    "torch._dynamo",
)


def main(folder: str) -> None:
    """Listen until the standard input is closed; a fork ends as the program does in a process of its own."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder, SOCKET)))
        listener.listen()
        import_all()
        request = wait_for_request(listener)
    if request is not None:
        sys.exit(load(request)())


def import_all() -> None:
    """Import what the programs import, nnU-Net's search for a trainer among it."""
    for module in MODULES:
        importlib.import_module(module)
    package = "nnunetv2.training.nnUNetTrainer"
    find_class = importlib.import_module("nnunetv2.utilities.find_class_by_name").recursive_find_python_class
    find_class(next(iter(importlib.import_module(package).__path__)), "", package)


def wait_for_request(listener: socket.socket) -> dict | None:
    """Return a request, in a process that was forked for it, or None when the standard input is closed."""
    while True:
        ready, _, _ = select.select([listener, 0], [], [], 1)
        reap()
        if listener in ready:
            connection, _ = listener.accept()
            if not os.fork():
                return attend(connection)
            connection.close()
        elif ready:
            return None


def reap() -> None:
    """Wait for the processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def attend(connection: socket.socket) -> dict:
    """Fork the program, tell its status when it ends, and end it when whoever asked for it is gone."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
    with connection.makefile() as file:
        request = json.loads(file.readline())
    program = os.fork()
    os.setpgid(program, program)
    if not program:
        for place, descriptor in enumerate(descriptors, 1):
            os.dup2(descriptor, place)
        connection.close()
        return request
    ended = threading.Event()
    threading.Thread(target=end_with, args=(connection, program, ended), daemon=True).start()
    _, status = os.waitpid(program, 0)
    ended.set()
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def end_with(connection: socket.socket, program: int, ended: threading.Event) -> None:
    """Kill a program and its workers when the connection is closed before its end."""
    connection.recv(1)
    if not ended.is_set():
        os.killpg(program, signal.SIGKILL)


def load(request: dict):
    """Make this process what the program's own would be, and return the program's function."""
    import numpy as np
    import torch

    variables = request["variables"]
    for name, value in READ_ON_IMPORT.items():
        if variables.get(name, value) != value:
            raise SystemExit(f"{name} is {variables[name]} and was {value} on import; take the installed program")
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(request["folder"])
    sys.argv = request["words"]
    sys.executable = str(Path(sys.argv[0]).parent / "python")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.cpu_count = lambda: 1  # nnU-Net has torch take as many threads, after which a fork is not safe
    get_context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: get_context("fork" if method == "spawn" else method)
    for seed in (random.seed, np.random.seed, torch.seed):  # all forks have the server's generators
        seed()
    (program,) = entry_points(group="console_scripts", name=Path(sys.argv[0]).name)
    return program.load()


if __name__ == "__main__":
    main(sys.argv[1])
