"""Commands and groups of commands, and the parser that is made of them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cipa.cli.arguments import add_argument, convert
from nnunet_cipa.cli.parameters import Parameter, describe, of_dataclass, of_function


@dataclass(frozen=True)
class Command:
    """A command that does something.

    Attributes
    ----------
    name : str
        As it is typed.
    summary : str
        For the list of commands.
    run : callable
        A function whose docstring is the description of the command, and whose signature says what the command takes:
        a parameter that is a dataclass stands for its fields, which are options; a keyword-only one is an option too;
        the others are given by their place.
    epilog : str
        What the help ends with.
    """

    name: str
    summary: str
    run: Callable[..., None]
    epilog: str = ""

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments to the parser of the command."""
        parameters = list(of_function(self.run))
        several = sum(parameter.group is not None for parameter in parameters) > 1
        for parameter in parameters:
            if parameter.group is None:
                add_argument(parser, parameter)
            else:
                title = (describe(parameter.group).short_description or "").removesuffix(".")
                _add_fields(parser.add_argument_group(title) if several else parser, parameter.group)
        parser.add_argument("--debug", action="store_true", help="Show the traceback of an error")
        parser.set_defaults(command=self, parser=parser)

    def call(self, arguments: argparse.Namespace) -> None:
        """Run the command with what was parsed."""
        self.run(**_given(list(of_function(self.run)), arguments))


@dataclass(frozen=True)
class Group:
    """Commands under one name; ``metavar`` stands for theirs in the help."""

    name: str
    summary: str
    metavar: str
    commands: Sequence["Command | Group"]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the commands to the parser of the group."""
        add_commands(parser, self.metavar, self.commands)


def add_commands(parser: argparse.ArgumentParser, metavar: str, commands: Sequence[Command | Group]) -> None:
    """Add commands to a parser, one of which has to be given."""
    subparsers = parser.add_subparsers(metavar=metavar, required=True)
    for command in commands:
        text, epilog = (_description(command.run), command.epilog) if isinstance(command, Command) else (None, None)
        child = subparsers.add_parser(
            command.name, help=command.summary, description=text, epilog=epilog, add_help=False
        )
        child.add_argument("-h", "--help", action="help", help="Show this message and exit")
        command.add_to(child)


def _description(function: Callable[..., None]) -> str:
    found = describe(function)
    text = " ".join(filter(None, (found.short_description, found.long_description)))
    return " ".join(text.replace("``", "").split())


def _add_fields(parser: "argparse._ActionsContainer", cls: type) -> None:
    for field in of_dataclass(cls):
        if field.group is not None:
            _add_fields(parser, field.group)
        elif not field.option.hidden:
            add_argument(parser, field)


def _given(parameters: Sequence[Parameter], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values that were given, by the parameters' names; the others keep their defaults."""
    values = {}
    for parameter in parameters:
        if parameter.group is not None:
            fields = [field for field in of_dataclass(parameter.group) if not field.option.hidden]
            values[parameter.name] = parameter.group(**_given(fields, arguments))
        elif hasattr(arguments, parameter.name):
            values[parameter.name] = convert(parameter.kind, getattr(arguments, parameter.name))
    return values
