"""Parameters of commands as arguments of argparse."""

import argparse
from collections.abc import Callable
from dataclasses import MISSING
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from nnunet_cipa.cli.parameters import Parameter
from nnunet_cipa.options import Option


def add_argument(parser: "argparse._ActionsContainer", parameter: Parameter) -> None:
    """Add the argument of a parameter; an option that is not given leaves nothing in the namespace."""
    settings = {"help": _help(parameter), **_values(parameter)}
    if parameter.positional:
        parser.add_argument(parameter.name, **settings)
    else:
        missing = parameter.default is MISSING
        parser.add_argument(
            parameter.flag, dest=parameter.name, default=argparse.SUPPRESS, required=missing, **settings
        )


def convert(kind: Any, value: Any) -> Any:
    """Return what argparse has read as the type that a parameter has."""
    if get_origin(kind) is tuple:
        return tuple(convert(get_args(kind)[0], item) for item in value)
    return kind(value) if _is_enum(kind) else value


def _values(parameter: Parameter) -> dict[str, Any]:
    """Return what argparse has to know of the values: how many there are, their type, and what stands for them."""
    kind, option = parameter.kind, parameter.option
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction if parameter.default is True else "store_true"}
    settings: dict[str, Any] = {}
    if get_origin(kind) is tuple:
        kind, *more = get_args(kind)
        if more != [...]:
            settings = {"nargs": 1 + len(more)}
        elif get_origin(kind) is tuple:
            settings = {"nargs": len(get_args(kind)), "action": "append"}
            kind = get_args(kind)[0]
        elif option.repeated:
            settings = {"action": "append"}
        else:
            settings = {"nargs": "*" if option.empty else "+"}
    choices = _choices(kind, option)
    if choices:
        settings |= {"type": type(choices[0]), "choices": choices}
    else:
        settings["type"] = _reader(kind, option)
    if option.metavar or not choices:
        settings["metavar"] = option.metavar or parameter.name.upper()
    return settings


def _choices(kind: Any, option: Option) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if _is_enum(kind):
        return tuple(member.value for member in kind)
    return tuple(option.choices()) if option.choices else ()


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _reader(kind: type[Any], option: Option) -> Callable[[str], Any]:
    if kind is int:
        if option.least is not None and option.most is not None:
            return _between(option.least, option.most)
        return _count(option)
    return _path(option.suffixes) if option.suffixes else kind


def _between(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of integers from ``least`` to ``most``."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not an integer from {least} to {most}")
        return value

    return integer


def _count(option: Option) -> Callable[[str], int]:
    """Return a reader of integers from the least that the option has, or of its multiples."""

    def count(text: str) -> int:
        value = int(text)
        if option.least is not None and value < option.least:
            raise argparse.ArgumentTypeError(f"{text} is below {option.least}")
        if value % option.multiple:
            raise argparse.ArgumentTypeError(f"{text} is not a multiple of {option.multiple}")
        return value

    return count


def _path(suffixes: tuple[str, ...]) -> Callable[[str], Path]:
    """Return a reader of paths that end in one of the suffixes."""

    def path(text: str) -> Path:
        if Path(text).suffix not in suffixes:
            raise argparse.ArgumentTypeError(f"{text} ends in none of {', '.join(suffixes)}")
        return Path(text)

    return path


def _help(parameter: Parameter) -> str:
    """Return the description, with the choices if the metavar does not show them, and the default."""
    option = parameter.option
    kind = get_args(parameter.kind)[0] if get_origin(parameter.kind) is tuple else parameter.kind
    choices = ", ".join(map(str, _choices(kind, option))) if option.metavar else ""
    default = option.default or (parameter.flag if parameter.default is True else _shown(parameter.default))
    text = parameter.help + (f"; one of {choices}" if choices else "") + (f" (default: {default})" if default else "")
    return text.replace("%", "%%")


def _shown(value: Any) -> str:
    """Return a default as one would type it; empty for what is simply not given."""
    if value is MISSING or value is None or isinstance(value, bool):
        return ""
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)
