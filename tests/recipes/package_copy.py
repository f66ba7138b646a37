"""A throwaway copy of the package in which a recipe of docs/development.md is followed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.recipes.documented import files_of, lines_of

ROOT = Path(__file__).parents[2]


class PackageCopy:
    """The package as it is installed, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        without_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "nnunet_cipa", folder / "nnunet_cipa", ignore=without_caches)
        inside = folder / "nnunet_cipa" / "dataset_conversion"
        shutil.copytree(ROOT / "dataset_conversion", inside, ignore=without_caches)

    def follow(self, heading):
        """Write the files and add the lines below a heading; return the paths that were touched."""
        files, lines = files_of(heading), lines_of(heading)
        for path, content in files.items():
            place = self._place(path)
            place.parent.mkdir(exist_ok=True)
            assert not place.exists()
            place.write_text(content)
        for path, content in lines.items():
            with self._place(path).open("a") as file:
                file.write(content)
        return [*files, *lines]

    def run(self, *arguments, **environment):
        """Run Python on the copy."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _place(self, path):
        inside = path if path.startswith("nnunet_cipa/") else f"nnunet_cipa/{path}"
        return self.folder / inside
