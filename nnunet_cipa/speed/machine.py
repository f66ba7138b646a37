"""The machine that figures depend on: its parts, the versions, and the speed of its memory."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import torch

from nnunet_cipa.speed.timing import time_function
from nnunet_cipa.versions import package_versions

_PACKAGES = ("nnunet-cipa", "torch", "numba", "triton", "nnunetv2", "mamba-ssm")
_CPU_FACTS = Path("/proc/cpuinfo")
_COPIED_BYTES = 2**28  # far more than a cache holds
_COPIES = 7

Facts = dict[str, Any]


def measured_machine(device: torch.device) -> Facts:
    """Describe the machine; nothing names it.

    Returns
    -------
    dict
        processor (its model), instructions (the widest vectors that torch uses), cores, threads (that torch and the
        scan use), memory_bytes, gpu (its model, or None without CUDA), device (what is measured: "cpu" or "cuda") and
        copy_bytes_per_second of that device.
    """
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": _memory(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "device": device.type,
        "copy_bytes_per_second": copy_bandwidth(device),
    }


def bench_versions() -> Facts:
    """Return name -> version of Python, CUDA as torch has it, and the packages; None for what is not installed."""
    return {"Python": platform.python_version(), "CUDA": torch.version.cuda, **package_versions(_PACKAGES)}


def copy_bandwidth(device: torch.device) -> float:
    """Measure the bytes per second that torch reads and writes in the fastest of some copies of a large tensor."""
    source = torch.ones(_COPIED_BYTES // 4, device=device)
    target = torch.empty_like(source)
    return 2 * _COPIED_BYTES / time_function(lambda: target.copy_(source), device, _COPIES).fastest


def processor() -> str:
    """Return the processor's model where Linux tells it, else what Python knows."""
    named = re.search(r"^model name\s*:\s*(.+)$", _CPU_FACTS.read_text(), re.MULTILINE) if _CPU_FACTS.exists() else None
    return named.group(1).strip() if named else platform.processor() or platform.machine()


def _memory() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
