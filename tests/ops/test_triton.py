"""The Triton backend: its checks under the interpreter, its kernels compiled for GPUs, and what it says without one."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from nnunet_cipa.ops import triton_backend

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")


@needs_triton
@pytest.mark.slow
def test_kernels_agree_with_the_reference_in_the_interpreter() -> None:
    # Triton decides when a kernel is defined whether to interpret it, for the whole process.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "interpreted_triton.py")]
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:]
    assert " passed" in result.stdout
