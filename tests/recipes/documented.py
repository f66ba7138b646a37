"""The files that a recipe in docs/development.md tells one to write."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "development.md"
FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(heading):
    """Return path -> content of the files below a heading."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return dict(FILE.findall(section.group(1)))
