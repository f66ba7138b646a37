"""The data sets that can be converted: each is a folder beside this module that registers its converter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion
from nnunet_cipa.extensions import import_parts

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
    import_parts(_PACKAGE, folders_only=True)
