import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

INSTALLED = importlib.util.find_spec("pytest_benchmark") is not None
HERE = Path(__file__).parent
FILE = HERE.parent / "measurements" / "regressions.py"


def pytest_of(*arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=FILE.parents[2])


def test_default_run_does_not_collect_the_regressions():
    done = pytest_of("--collect-only", str(HERE), str(FILE.parent))
    assert done.returncode == 0
    assert "test_regressions.py" in done.stdout
    assert "measurements/" not in done.stdout


@pytest.mark.skipif(not INSTALLED, reason="needs pytest-benchmark")
def test_every_regression_runs_once():
    done = pytest_of(str(FILE), "--benchmark-disable", "-k", "not network and not 16384")
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout


@pytest.mark.skipif(INSTALLED, reason="needs that pytest-benchmark is missing")
def test_without_the_plugin_they_are_skipped_with_the_remedy():
    assert "pip install pytest-benchmark" in pytest_of(str(FILE)).stdout
