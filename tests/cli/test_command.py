"""Arguments that are derived from a function and the dataclasses it takes."""

import argparse
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest

from nnunet_cipa.cli.command import Command, Group, add_commands
from nnunet_cipa.options import Option


class Colour(str, Enum):
    """Colours."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Base:
    """What all have.

    Attributes
    ----------
    seed : int
        Seed of ``everything``.
    name : str
        Its name.
    """

    seed: Annotated[int, Option("N", least=0, most=9)] = 3
    name: str = "base"


@dataclass(frozen=True)
class Inner:
    """What lies within.

    Attributes
    ----------
    window : (float, float)
        Lowest and highest.
    """

    window: Annotated[tuple[float, float], Option(("LOW", "HIGH"))] = (-1.5, 20.0)


@dataclass(frozen=True)
class Options(Base):
    """How it is done.

    Attributes
    ----------
    name : str
        Another name.
    low, high : int or None
        Either limit, 100 % of it.
    colour : Colour
        Colour.
    """

    name: str = "derived"
    low: int | None = None
    high: Annotated[int | None, Option(flag="top", default="no limit")] = None
    colour: Colour = Colour.BLUE
    colours: tuple[Colour, ...] = ()
    mode: Literal[1, 3] = 1
    sizes: Annotated[tuple[tuple[int, int], ...], Option(("H", "W"), least=1)] = ((8, 8),)
    counts: Annotated[tuple[int, ...], Option("N", least=1, multiple=4)] = (4,)
    rows: Annotated[tuple[str, ...], Option("ROW", choices=lambda: {"a": 1, "b": 2}, empty=True)] = ("a", "b")
    places: tuple[Path, ...] = ()
    inner: Inner = field(default_factory=Inner)
    hidden: Annotated[str, Option(hidden=True)] = "never"
    quick: bool = False
    wait: bool = True


@dataclass(frozen=True)
class More:
    """Where it is done."""

    where: Annotated[Path, Option("DIR")]


SEEN = {}


def work(source: Path, options: Options, *, figure: Annotated[Path | None, Option(suffixes=(".svg",))] = None) -> None:
    """Do it.

    With care.

    Parameters
    ----------
    source
        Where from.
    figure
        A drawing.
    """
    SEEN.update(source=source, options=options, figure=figure)


def place(options: Options, more: More) -> None:
    """Do it somewhere."""
    SEEN.update(options=options, more=more)


def parser():
    made = argparse.ArgumentParser(prog="do")
    commands = (Command("work", "do it", work), Group("in", "do it in", "PLACE", (Command("place", "there", place),)))
    add_commands(made, "COMMAND", commands)
    return made


def given(*words):
    SEEN.clear()
    args = parser().parse_args(["work", "from", *words])
    args.command.call(args)
    return SEEN["options"]


def test_what_is_not_given_is_as_the_dataclass_has_it():
    assert given() == Options()
    assert SEEN["source"] == Path("from")
    assert SEEN["figure"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--seed", "7"], {"seed": 7}),
        (["--seed", "7", "--seed", "8"], {"seed": 8}),
        (["--name=-x"], {"name": "-x"}),
        (["--low", "-5", "--top", "6"], {"low": -5, "high": 6}),
        (["--colour", "red"], {"colour": Colour.RED}),
        (["--colours", "red", "blue"], {"colours": (Colour.RED, Colour.BLUE)}),
        (["--mode", "3"], {"mode": 3}),
        (["--sizes", "1", "2", "--sizes", "3", "4"], {"sizes": ((1, 2), (3, 4))}),
        (["--counts", "4", "12"], {"counts": (4, 12)}),
        (["--rows"], {"rows": ()}),
        (["--rows", "b"], {"rows": ("b",)}),
        (["--places", "a", "b/c"], {"places": (Path("a"), Path("b/c"))}),
        (["--window", "-1000", "-200.5"], {"inner": Inner((-1000.0, -200.5))}),
        (["--quick", "--no-wait"], {"quick": True, "wait": False}),
        (["--wait"], {}),
    ],
)
def test_what_is_given_has_the_type_of_the_field(words, expected):
    assert given(*words) == Options(**expected)


def test_a_path_may_begin_with_a_dash_after_two():
    args = parser().parse_args(["work", "--seed", "1", "--", "-from"])
    args.command.call(args)
    assert SEEN["source"] == Path("-from")


def test_a_field_without_a_default_has_to_be_given(capsys):
    args = parser().parse_args(["in", "place", "--where", "here", "--seed", "1"])
    args.command.call(args)
    assert (SEEN["options"], SEEN["more"]) == (Options(seed=1), More(Path("here")))
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(["in", "place"])
    assert stop.value.code == 2
    assert "required: --where" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seed", "-1"], "argument --seed: -1 is not an integer from 0 to 9"),
        (["--seed", "10"], "argument --seed: 10 is not an integer from 0 to 9"),
        (["--seed", "x"], "argument --seed: x is not an integer from 0 to 9"),
        (["--counts", "0"], "argument --counts: 0 is below 1"),
        (["--counts", "1e3"], "argument --counts: invalid count value: '1e3'"),
        (["--counts", "4", "6"], "argument --counts: 6 is not a multiple of 4"),
        (["--counts"], "argument --counts: expected at least one argument"),
        (["--sizes", "4", "0"], "argument --sizes: 0 is below 1"),
        (["--sizes", "4"], "argument --sizes: expected 2 arguments"),
        (["--colour", "green"], "argument --colour: invalid choice: 'green'"),
        (["--mode", "2"], "argument --mode: invalid choice: 2"),
        (["--rows", "c"], "argument --rows: invalid choice: 'c'"),
        (["--figure", "a.gif"], "argument --figure: a.gif ends in none of .svg"),
        (["--window", "1"], "argument --window: expected 2 arguments"),
        (["--hidden", "x"], "unrecognized arguments: --hidden x"),
        (["--high", "3"], "unrecognized arguments: --high 3"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(words, told, capsys):
    with pytest.raises(SystemExit) as stop:
        given(*words)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def help_of(*words):
        with pytest.raises(SystemExit):
            parser().parse_args([*words, "--help"])
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return help_of


def test_help_is_the_docstring_and_the_defaults(shown):
    lines = shown("work")
    assert "Do it. With care." in lines
    assert "SOURCE Where from" in lines
    assert "--seed N Seed of everything (default: 3)" in lines
    assert "--name NAME Another name (default: derived)" in lines
    assert "--low LOW Either limit, 100 % of it" in lines
    assert "--top HIGH Either limit, 100 % of it (default: no limit)" in lines
    assert "--colour {red,blue}" in " ".join(lines)
    assert "--sizes H W (default: 8 8)" in lines
    assert "--rows [ROW ...] ; one of a, b (default: a b)" in lines
    assert "--window LOW HIGH Lowest and highest (default: -1.5 20)" in lines
    assert "--wait, --no-wait (default: --wait)" in lines
    assert "--figure FIGURE A drawing" in lines


def test_several_dataclasses_are_groups_of_options(shown):
    lines = shown("in", "place")
    assert lines.index("How it is done:") < lines.index("Where it is done:") < lines.index("--where DIR")
