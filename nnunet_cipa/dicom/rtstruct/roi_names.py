"""Chooses one region of interest by its name."""

import re
import unicodedata
from collections.abc import Sequence

from nnunet_cipa.errors import CIPAError

_PART = r"(?:[ _.-]*(?:p|t|prim|primary|tumou?r|lung|left|right|mip|aip|avg|average|4d(?:ct)?|\d{1,2}))"
# In order of preference; each matches a whole name, whatever its case. The third takes igtv_p, IGTV-1, IGTVp1, i GTV
# and the like, the fourth ITV_MIP, ITV 2, ITVp. Nodes (IGTVn) and expansions (ITV+5mm) are other targets.
PREFERENCE = (r"igtv", r"itv", rf"i[ _.-]*gtv{_PART}{{0,2}}", rf"itv{_PART}{{0,2}}")

NAME_ONE = "name one with --roi, or 'A|B' if patients have different names"


def choose_roi(names: Sequence[str], pattern: str | None, source: str) -> int:
    """Choose a region by name.

    Parameters
    ----------
    names
        Of all regions, in the file's order.
    pattern
        A name, or else a regular expression that has to match a whole name, whatever its case; None for the first of
        ``PREFERENCE`` that matches any.
    source
        The file, for errors.

    Returns
    -------
    int
        Index into ``names``.

    Raises
    ------
    CIPAError
        If the pattern is not a regular expression, no name matches, or several do.
    """
    for candidate in PREFERENCE if pattern is None else (pattern,):
        matches = matching(names, candidate)
        if len(matches) > 1:
            found = [names[index] for index in matches]
            alike = all(same_name(name, found[0]) for name in found)
            remedy = "rename all but one" if alike else NAME_ONE
            raise CIPAError(f"{source}: {_listed(found)} all match {_described(pattern)}; {remedy}")
        if matches:
            return matches[0]
    held = f"it holds {_listed(names)}" if names else "it holds none"
    raise CIPAError(f"{source}: no ROI matches {_described(pattern)}; {held}; {NAME_ONE}")


def matching(names: Sequence[str], pattern: str) -> list[int]:
    """Return the indices of the names that a pattern is, or else matches whole, whatever the case.

    Raises
    ------
    CIPAError
        If the pattern is not a regular expression.
    """
    expression = _compile(_composed(pattern))
    named = [index for index, name in enumerate(names) if same_name(name, pattern)]
    return named or [index for index, name in enumerate(names) if expression.fullmatch(_composed(name).strip())]


def same_name(name: str, other: str) -> bool:
    """Return whether two names are the same, whatever their case, how accents are coded, and blanks round them."""
    return _composed(name).strip().casefold() == _composed(other).strip().casefold()


def check_pattern(pattern: str) -> None:
    """Check a pattern before any file is opened.

    Raises
    ------
    CIPAError
        If it is not a regular expression.
    """
    _compile(pattern)


def _composed(name: str) -> str:
    """Return a name with its accents composed: some programs write o and a combining diaeresis where others write ö."""
    return unicodedata.normalize("NFC", name)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise CIPAError(f"--roi {pattern!r} is not a regular expression ({error}); correct it, or escape it") from error


def _described(pattern: str | None) -> str:
    return "the usual names of an IGTV" if pattern is None else f"--roi {pattern!r}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
