"""The catalogue of metrics: what each is called, how it is computed, shown and explained.

Tables, CSV, the command line and the docs read it. Nothing heavy is imported here or by the entries, so that ``--help``
can name them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from nnunet_cipa.extensions import import_parts

if TYPE_CHECKING:
    from nnunet_cipa.evaluation.metrics.masks import MaskPair

AGREEMENT, VOLUME, LESIONS = "Agreement", "Volume and place", "Lesions, and slices by position"
DETAIL = ""
TESTED = ("dice", "nsd", "hd95_mm")
TOLERANCE_MM = 2.0  # of the normalised surface Dice
_ENTRIES = f"{__name__.rpartition('.')[0]}.entries"
_STANDARD = "standard"


@dataclass(frozen=True)
class Metric:
    """A metric of one case.

    Attributes
    ----------
    name : str
        What it is called in files and on the command line.
    compute : callable
        The value for two masks; NaN where it is not defined.
    title : str
        For the head of a table.
    definition : str
        What it is, in Markdown, for the docs.
    unit : str
        As in "mm"; empty without one.
    digits : int
        After the point.
    better : int
        1 if more is better, -1 if less is, 0 if neither.
    group : str
        The table of the report that shows its means; ``DETAIL`` if it is in the files alone.
    place : int
        Its place in that table, lower ones first; equal ones are in the order of the catalogue.
    """

    name: str
    compute: Callable[["MaskPair"], float]
    title: str
    definition: str
    unit: str = ""
    digits: int = 3
    better: int = 1
    group: str = AGREEMENT
    place: int = 0

    @property
    def label(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


_registered: dict[str, Metric] = {}


def register(metric: Metric) -> None:
    """Add a metric.

    Raises
    ------
    ValueError
        If another has its name, or it cannot be an attribute of ``Measures``.
    """
    if metric.name in _registered or not metric.name.isidentifier() or hasattr(Mapping, metric.name):
        raise ValueError(f"metric {metric.name!r}: give it a name of its own, of letters, digits and underscores")
    _registered[metric.name] = metric


def all_metrics() -> list[Metric]:
    """Return every metric, in the order of the columns of cases.csv."""
    _discover()
    return list(_registered.values())


def shown_metrics() -> dict[str, Metric]:
    """Return name -> metric of those whose means a report shows, table by table."""
    shown = [metric for metric in all_metrics() if metric.group != DETAIL]
    groups = list(dict.fromkeys(metric.group for metric in shown))
    return {metric.name: metric for metric in sorted(shown, key=lambda one: (groups.index(one.group), one.place))}


@cache
def _discover() -> None:
    """Import every module of ``entries``, the standard ones first."""
    import_module(f"{_ENTRIES}.{_STANDARD}")
    import_parts(_ENTRIES)
