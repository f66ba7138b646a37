"""The public names of packages that import them when they are asked for, told to the reference pages by their stubs."""

from typing import Any

import griffe

LOADER = "lazy_loader"


class LazyNames(griffe.Extension):
    """Marks what the stub of a lazy package imports as its public names."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go through a package that was loaded, and what is below it."""
        modules = [pkg]
        while modules:
            module = modules.pop()
            modules += [member for member in module.modules.values() if not member.is_alias]
            if LOADER in module.imports and module.exports is None:
                module.exports = [name for name in module.imports if name != LOADER]
