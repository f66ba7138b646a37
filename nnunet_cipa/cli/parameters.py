"""Parameters of a command, read from the signature of its function and the fields of its dataclasses."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from docstring_parser import Docstring, numpydoc

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class Parameter:
    """One value that a command takes.

    Attributes
    ----------
    name : str
        As the function or the dataclass has it.
    kind : Any
        Type of its value, without None.
    help : str
        Its description in the docstring, without the last period.
    option : Option
        What else is known of it.
    default : Any
        MISSING if it has to be given.
    positional : bool
        Whether it is given by its place.
    """

    name: str
    kind: Any
    help: str
    option: Option
    default: Any = MISSING
    positional: bool = False

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.option.flag or self.name.replace('_', '-')}"

    @property
    def group(self) -> type | None:
        """The dataclass that the value is made of, if it is one."""
        return self.kind if isinstance(self.kind, type) and dataclasses.is_dataclass(self.kind) else None


def of_function(function: Callable[..., None]) -> Iterator[Parameter]:
    """Yield the parameters of a function; those that are not keyword-only are given by their place."""
    helps = _helps(describe(function))
    for name, found in inspect.signature(function, eval_str=True).parameters.items():
        default = MISSING if found.default is inspect.Parameter.empty else found.default
        positional = found.kind is not inspect.Parameter.KEYWORD_ONLY
        yield _parameter(name, found.annotation, helps.get(name, ""), default, positional=positional)


def of_dataclass(cls: type) -> Iterator[Parameter]:
    """Yield the fields of a dataclass; what it inherits is described where it is defined, or in its own docstring."""
    helps: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        helps |= _helps(describe(owner)) if dataclasses.is_dataclass(owner) else {}
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        yield _parameter(field.name, hints[field.name], helps.get(field.name, ""), default)


def describe(owner: Any) -> Docstring:
    """Parse the docstring of a function or class."""
    return numpydoc.parse(owner.__doc__ or "")


def _helps(docstring: Docstring) -> dict[str, str]:
    """Return name -> description; one entry may describe several names."""
    return {
        name.strip(): " ".join((entry.description or "").replace("``", "").split()).removesuffix(".")
        for entry in docstring.params
        for name in entry.arg_name.split(",")
    }


def _parameter(name: str, hint: Any, text: str, default: Any, *, positional: bool = False) -> Parameter:
    option = Option()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        option = next((extra for extra in extras if isinstance(extra, Option)), option)
    if get_origin(hint) in {Union, UnionType}:
        (hint,) = set(get_args(hint)) - {NoneType}
    return Parameter(name, hint, text, option, default, positional)
