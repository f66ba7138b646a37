"""The versions that results depend on."""

import os
import platform
from importlib.metadata import version

PACKAGES = ("nnunet-cipa", "nnunetv2", "torch", "numba", "numpy", "SimpleITK")


def versions() -> dict[str, str]:
    """Return name -> version of Python and the packages, and the machine's kind."""
    found = {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    return found | {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"}
