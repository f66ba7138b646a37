"""Links, devices and folders in the places of the files of a tree."""

import os
import shutil
import socket
import stat
from pathlib import Path

from tests.fuzz.mutations import choose

DEVICES = ("/dev/zero", "/dev/null", "/dev/full", "/dev/random", "/proc/self/mem", "/proc/self/status")


class Tree:
    """A tree of files that can be changed and brought back; ``outside`` lies beside it and is never written to."""

    def __init__(self, root, outside):
        self.root, self.outside = Path(root), Path(outside)
        self.files = {path: path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}
        self.folders = sorted({path.parent for path in self.files} - {self.root})
        shutil.copytree(self.root, self.outside, dirs_exist_ok=True)
        os.mkfifo(self.outside / "pipe")
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(self.outside / "socket"))

    def bring_back(self):
        """Remove what is not a file of the tree, and write those that were changed."""
        for path in sorted(self.root.rglob("*"), reverse=True):
            known = path in self.files if path.is_file() else path in self.folders and path.is_dir()
            if path.is_symlink() or not known:
                _remove(path)
        for path, data in self.files.items():
            if not (path.is_file() and path.read_bytes() == data):
                _remove(path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def mutate(self, rng, places):
        """Replace one or two of the files or folders in ``places``."""
        self.bring_back()
        for _ in range(int(rng.integers(1, 3))):
            path = choose(rng, places)
            linked = any(above.is_symlink() for above in path.parents if above.is_relative_to(self.root))
            if os.path.lexists(path) and not linked:
                self._replace(path, rng)

    def _replace(self, path, rng):
        relative = path.relative_to(self.root)
        other = choose(rng, [one for one in (*self.files, *self.folders) if one != path])
        target = choose(rng, (
            *[self.outside / relative] * 4, other, other.name, path, path.parent, "..", self.root,
            self.outside, "nowhere", "/outside_nowhere", "", self.outside / "pipe", self.outside / "socket",
            choose(rng, DEVICES), choose(rng, DEVICES),
        ))  # fmt: skip
        _remove(path)
        change = int(rng.integers(8))
        if change == 0:
            return
        if change == 1:
            path.mkdir()
        elif change == 2:
            os.mkfifo(path)
        elif change == 3:
            loop = path.with_name(f"{path.name}.loop")
            _remove(loop)
            path.symlink_to(loop.name)
            loop.symlink_to(path.name)
        elif target != "":
            path.symlink_to(target)


def is_regular(path):
    """Whether a path leads to a regular file in the end."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return False


def _remove(path):
    if path.is_symlink() or path.is_file() or (os.path.lexists(path) and not path.is_dir()):
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
