"""Parts of a package that register themselves when they are imported."""

from importlib import import_module
from pkgutil import iter_modules


def import_parts(package: str, *, folders_only: bool = False) -> None:
    """Import the modules and folders of a package by their names, or its folders alone."""
    for part in iter_modules(import_module(package).__path__):
        if part.ispkg or not folders_only:
            import_module(f"{package}.{part.name}")
