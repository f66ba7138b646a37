"""The files and lines that a recipe in docs/development.md tells one to write."""

import importlib
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "development.md"
FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINES = re.compile(r"^```python\n# in (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(heading):
    """Return path -> content of the files below a heading."""
    return dict(FILE.findall(_section(heading)))


def lines_of(heading):
    """Return path -> lines to add at the end of a file that is there, below a heading."""
    return dict(LINES.findall(_section(heading)))


def add_files(heading, folder, monkeypatch):
    """Let the files below a heading be modules of the package for one test."""
    for path, content in files_of(heading).items():
        (place := folder / path).parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        package = importlib.import_module(".".join(Path(path).parent.parts))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place.parent)])
        module = ".".join(Path(path).with_suffix("").parts)
        importlib.invalidate_caches()
        monkeypatch.setitem(sys.modules, module, importlib.import_module(module))


def follow_imports(heading, package, monkeypatch):
    """Add the imports below a heading to a package and to its ``__all__``."""
    ((path, lines),) = lines_of(heading).items()
    assert path == f"{package.__name__.replace('.', '/')}/__init__.py"
    added = {}
    exec(lines, added)
    names = [name for name in added if name != "__builtins__"]
    for name in names:
        monkeypatch.setattr(package, name, added[name], raising=False)
    monkeypatch.setattr(package, "__all__", [*package.__all__, *names])


def _section(heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL).group(1)
