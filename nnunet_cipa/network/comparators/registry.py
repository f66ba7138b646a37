"""The comparators by name: a module or folder of this package is one, but for those that several share."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnunet_cipa.network.comparators.comparator import Comparator

# torch takes seconds to import, and a list of names does not need it

_SHARED = {"comparator", "ensemble", "registry", "twins"}


def names() -> list[str]:
    """Return the names of the comparators."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.name not in _SHARED)


def network_class(name: str) -> "type[Comparator]":
    """Return the class of a comparator.

    Raises
    ------
    ValueError
        If the name is none of ``names()``.
    """
    from nnunet_cipa.network.comparators.comparator import Comparator  # noqa: PLC0415

    if name not in names():
        raise ValueError(f"unknown comparator {name!r}; choose one of {', '.join(names())}")
    module = import_module(f"{__package__}.{name}")
    (network,) = (
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Comparator)
        and f"{found.__module__}.".startswith(f"{module.__name__}.")
    )
    return network


def build(
    name: str, input_channels: int, num_classes: int, *, patch_size: Sequence[int], slices: int = 1, **more: Any
) -> "Comparator":
    """Build a comparator with new weights.

    Parameters
    ----------
    name : str
        One of ``names()``.
    input_channels : int
        Number of modalities; has to be 2.
    num_classes : int
        Output channels.
    patch_size : (int, int)
        (H, W) in pixels.
    slices : int
        1, repeated for the three channels of the encoder, or 3, its three channels.
    **more
        Further arguments of the network.

    Raises
    ------
    ValueError
        If the name is unknown, or the network is not defined for an argument.
    """
    return network_class(name)(input_channels, num_classes, patch_size=patch_size, slices=slices, **more)
