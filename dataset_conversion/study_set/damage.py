"""Whose the files are that cannot be read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path


def attribute_problems(
    source: Path, problems: Mapping[Path, str], files: Mapping[str, Iterable[Path]]
) -> dict[str | None, list[str]]:
    """Give each problem to the patients who have files beside it, else in the nearest folder above it.

    What cannot be read may be a slice, or a newer structure set, of any of them, and so none of them can be trusted.

    Parameters
    ----------
    source
        The folder that was searched.
    problems
        By the path of the file or folder that cannot be read.
    files
        Of each patient, those that can.

    Returns
    -------
    dict
        Problems by patient; under None those in folders below ``source`` that no patient has files in.
    """
    beside: dict[Path, set[str]] = defaultdict(set)
    below: dict[Path, set[str]] = defaultdict(set)
    for patient, paths in files.items():
        for folder in {path.parent for path in paths}:
            beside[folder].add(patient)
            for above in (folder, *folder.parents):
                below[above].add(patient)
    found: dict[str | None, list[str]] = defaultdict(list)
    for path, problem in problems.items():
        owners = beside.get(path.parent, set())
        for folder in path.parents:
            if owners or folder == source:
                break
            owners = below.get(folder, set())
        for owner in owners or (None,):
            found[owner].append(problem)
    return found
