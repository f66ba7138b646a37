"""What is installed beside what is in the repository."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {"nnunet_cipa": ".", "dataset_conversion": "nnunet_cipa"}


def test_every_file_of_the_packages_is_installed(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    without_caches = shutil.ignore_patterns("__pycache__")
    for name in PLACES:
        shutil.copytree(ROOT / name, source / name, ignore=without_caches)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    expected = {
        (Path(place) / path.relative_to(source)).as_posix()
        for name, place in PLACES.items()
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    installed = (path for path in (target / "nnunet_cipa").rglob("*") if path.suffix != ".pyc")
    assert {path.relative_to(target).as_posix() for path in installed if path.is_file()} == expected
