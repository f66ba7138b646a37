"""The public names of packages whose ``__all__`` is computed, told to the reference pages by what they import."""

from typing import Any

import griffe


class PublicNames(griffe.Extension):
    """Marks what such a package imports from below itself as its public names."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go through a package that was loaded, and what is below it."""
        modules = [pkg]
        while modules:
            module = modules.pop()
            modules += [member for member in module.modules.values() if not member.is_alias]
            if module.is_init_module and not module.exports:
                own = f"{module.path}."
                module.exports = [name for name, source in module.imports.items() if source.startswith(own)]
