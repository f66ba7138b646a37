"""The networks that CIPA is compared with, one module or folder each, whose name is the network's."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from nnunet_cipa.network.comparators.comparator import Comparator, load_original

__all__ = ["Comparator", "build", "load_original", "names"]

_SHARED = {"comparator", "ensemble", "twins"}


def names() -> list[str]:
    """Return the names of the comparators."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in _SHARED)


def build(
    name: str, input_channels: int, num_classes: int, *, patch_size: Sequence[int], slices: int = 1, **more: Any
) -> Comparator:
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
    if name not in names():
        raise ValueError(f"unknown comparator {name!r}; choose one of {', '.join(names())}")
    module = import_module(f"{__name__}.{name}")
    (network,) = (found for found in vars(module).values() if _is_comparator(found, module.__name__))
    built: Comparator = network(input_channels, num_classes, patch_size=patch_size, slices=slices, **more)
    return built


def _is_comparator(found: Any, module: str) -> bool:
    return isinstance(found, type) and issubclass(found, Comparator) and f"{found.__module__}.".startswith(f"{module}.")
