"""Every command line of the program in README, docs, Makefile and CI, read by the parser."""

import re
import shlex
from pathlib import Path

import pytest

from nnunet_cipa.cli import build_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "Makefile", ROOT / ".ci" / "run", *sorted((ROOT / "docs").rglob("*.md"))]
# What stands for numbers in the pages' own synopses, and in loops of the shell.
PLACEHOLDERS = {"N": "1", "H": "64", "W": "64", "$seed": "1"}


def commands():
    """Yield each whole command in a block of code, or of a script, with its page."""
    for page in PAGES:
        text = re.sub(r"\\\n *", "", page.read_text(encoding="utf-8"))
        for name, value in re.findall(r'^(\w+)="(.*)"$', text, re.MULTILINE):
            text = text.replace(f" ${name} ", f" {value} ")
        text = re.sub(r"\$\((\w+)\)", r"\1", text)
        blocks = re.findall(r"^```(?:bash|sh|text)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in "\n".join(blocks).splitlines() if page.suffix == ".md" else text.splitlines():
            for command in re.findall(r"(?:^|[;&|(]|\bdo\b|\bBIN/)\s*(?:\w+=\S* )*nnunet-cipa ([^;|&)]*)", line):
                yield f"{page.relative_to(ROOT)}: {command.strip()}"


ALL = sorted(set(commands()))


def test_there_are_many():
    assert len(ALL) > 40


@pytest.mark.parametrize("told", ALL)
def test_a_command_is_one_that_the_program_reads(told):
    words = shlex.split(told.partition(": ")[2].replace("[", "").replace("]", ""), comments=True)
    arguments = build_parser().parse_args([PLACEHOLDERS.get(word, word) for word in words])
    assert callable(arguments.command.run)
