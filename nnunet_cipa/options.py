"""What a dataclass of options tells of a field beyond its name, type, default and docstring.

An option is defined once, as a field of a dataclass beside the function that takes it, and described in the
"Attributes" of the dataclass. The command line (``nnunet_cipa.cli.arguments``) derives its arguments from there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nnunet_cipa.errors import CIPAError

LARGEST_SEED = 2**32 - 1  # NumPy takes no larger one


class UsageError(CIPAError):
    """Options that cannot be given together, or a value that no option has; the command line ends with status 2."""


@dataclass(frozen=True)
class Option:
    """Metadata of a field, as in ``patients: Annotated[int, Option("N", least=1)] = 10``.

    Attributes
    ----------
    metavar : str or tuple of str
        What stands for the value in the help; a tuple for fields of several values. By default the field's name.
    flag : str
        Name of the option without its dashes, if it is not the field's.
    default : str
        The default in words, where it is not a value.
    choices : callable or None
        Returns the values that are allowed, for those that are not an Enum or Literal.
    least, most : int or None
        The lowest integer, or the lowest and the highest.
    multiple : int
        Of which an integer has to be a multiple.
    empty : bool
        Allow a field of any number of values to be given without one.
    repeated : bool
        Give the option again for each of a field's values, instead of all of them after it.
    suffixes : tuple of str
        What the name of a file may end in.
    hidden : bool
        Leave the field to the command, which sets it by other options.
    """

    metavar: str | tuple[str, ...] = ""
    flag: str = ""
    default: str = ""
    choices: Callable[[], Iterable[str]] | None = None
    least: int | None = None
    most: int | None = None
    multiple: int = 1
    empty: bool = False
    repeated: bool = False
    suffixes: tuple[str, ...] = ()
    hidden: bool = False
