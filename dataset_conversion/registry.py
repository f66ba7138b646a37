"""The data sets that can be converted: each is a folder beside this module that registers its converter."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion

_PACKAGE = __name__.rpartition(".")[0]


@dataclass(frozen=True)
class Converter:
    """What ``nnunet-cipa convert`` knows of a data set, without importing anything heavy.

    Attributes
    ----------
    name : str
        As it is typed.
    summary : str
        For the list of data sets.
    convert : callable
        Takes the source and the options of the data set, a dataclass; keyword-only parameters are options of the
        command alone. The command derives what it takes from the signature, and its help from the docstrings.
    """

    name: str
    summary: str
    convert: Callable[..., Conversion]


_registered: dict[str, Converter] = {}


def register(converter: Converter) -> None:
    """Add a data set."""
    _registered[converter.name] = converter


def converters() -> list[Converter]:
    """Return the converters of all data sets, by name."""
    discover()
    return [_registered[name] for name in sorted(_registered)]


@cache
def discover() -> None:
    """Import every folder beside this module; those of data sets register themselves."""
    for module in pkgutil.iter_modules(import_module(_PACKAGE).__path__):
        if module.ispkg:
            import_module(f"{_PACKAGE}.{module.name}")
