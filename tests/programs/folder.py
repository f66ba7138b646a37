"""A folder with nnU-Net's programs and ours, which start at once: a server has imported all that they import."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from tests.programs.server import READ_ON_IMPORT

HERE = Path(__file__).parent
PREFIXES = ("nnUNetv2_", "nnunet-cipa")


@contextlib.contextmanager
def folder_of_programs(folder: Path) -> Iterator[Path]:
    """Fill a folder with programs, and keep the server that runs them as long as the context lasts.

    A "python" beside them makes our commands, which take the programs beside their Python, take these.
    """
    client = (HERE / "client.py").read_text()
    names = {script.name for script in entry_points(group="console_scripts") if script.name.startswith(PREFIXES)}
    texts = dict.fromkeys(names, f"#!{sys.executable} -IS\n{client}")
    for name, text in {**texts, "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n'}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.programs.server", str(folder)],
            cwd=HERE.parents[1],
            env={**variables, **READ_ON_IMPORT},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        while not (folder / "server").exists():
            assert server.poll() is None, (folder / "server.log").read_text()
        yield folder
    finally:
        server.stdin.close()
        server.wait()
