"""The help of every command that the program has."""

import re
import subprocess
import sys

import pytest

from nnunet_cipa.cli import COMMANDS, build_parser, main
from nnunet_cipa.cli.command import Group

HEAVY = ("SimpleITK", "matplotlib", "nnunetv2", "numba", "numpy", "pydicom", "scipy", "torch")


def lines_of(commands, before=()):
    """Yield the words of each command and group."""
    for command in commands:
        words = (*before, command.name)
        yield words
        if isinstance(command, Group):
            yield from lines_of(command.commands, words)


ALL = [(), *lines_of(COMMANDS)]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys\nfrom nnunet_cipa.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_is_read_in_a_plain_terminal(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: {' '.join(['nnunet-cipa', *words])}")
    assert shown.isascii()
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "``" not in shown


def parser_of(words):
    parser = build_parser()
    for word in words:
        (choices,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))
        parser = choices[word]
    return parser


@pytest.mark.parametrize("words", [words for words in ALL if words], ids=" ".join)
def test_every_option_and_argument_is_described(words):
    actions = [action for action in parser_of(words)._actions if not isinstance(action.choices, dict)]
    assert actions
    for action in actions:
        assert re.match("[A-Za-z0-9]", action.help or ""), action.option_strings or action.dest


def test_commands_are_those_of_the_interface():
    names = {" ".join(words) for words in ALL}
    assert {
        "plugin-path", "doctor", "phantom pclt20k", "phantom lucid", "convert pclt20k", "convert lucid",
        "weights import", "weights adapt", "weights export", "benchmark run", "benchmark report", "bench scan",
        "bench network", "bench plot", "export-dicom", "demo", "listen",
    } <= names  # fmt: skip
