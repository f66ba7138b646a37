"""The versions that results depend on."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

REPORTED = ("nnunet-cipa", "nnunetv2", "torch", "numba", "numpy", "SimpleITK")


def package_versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return name -> version of packages; None for what is not installed."""
    return {name: _version(name) for name in packages}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def reported_versions() -> dict[str, str]:
    """Return what pages say: versions of Python and of the packages that results depend on, and the machine's kind."""
    packages = {name: str(found) for name, found in package_versions(REPORTED).items()}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return {"Python": platform.python_version(), **packages, "machine": machine}
