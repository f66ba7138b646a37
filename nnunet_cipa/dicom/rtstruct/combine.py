"""The contours of one slice, combined to a mask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dicom.rtstruct.raster import Patch, fill
from nnunet_cipa.dicom.rtstruct.relations import Line, Polygon, Relation, relate
from nnunet_cipa.errors import CIPAError

Pair = tuple[int, int]
Mask = NDArray[np.bool_]
# A hole that takes more of what surrounds it leaves a rim, which may be meant, or be a contour that was drawn twice.
RIM = 0.7


@dataclass(frozen=True)
class Drawn:
    """A contour on its slice: its number, its points (column, row), and whether it is of CLOSEDPLANAR_XOR."""

    number: int
    polygon: Polygon
    exclusive: bool = False


@dataclass(frozen=True)
class Combined:
    """What the contours of a slice enclose, and by their numbers the pairs for which that had to be decided.

    Attributes
    ----------
    inside
        (rows, columns).
    twice, across
        Those that were united, as they were drawn twice or overlap in part.
    rims
        A hole and what surrounds it, of which a rim is left.
    """

    inside: Mask
    twice: tuple[Pair, ...] = ()
    across: tuple[Pair, ...] = ()
    rims: tuple[Pair, ...] = ()


def combine(drawn: Sequence[Drawn], shape: tuple[int, int]) -> Combined:
    """Combine the contours of a slice.

    A contour that lies within another is a hole in it, one within the hole an island, and so on. All others are
    united: those that share an edge, those that overlap in part, and those that were drawn twice, exactly or nearly.
    A centre on a line is inside, be it that of a hole or of two contours. Contours that are all of CLOSEDPLANAR_XOR
    are combined by exclusive or, as the standard has it.

    Parameters
    ----------
    drawn
        At least one contour.
    shape
        Rows and columns.

    Raises
    ------
    CIPAError
        If one contour is a hole and another that it crosses is not, so that what is inside would be a guess.
    """
    patches = [fill(one.polygon, shape) for one in drawn]
    if len(drawn) > 1 and all(one.exclusive for one in drawn):
        return Combined(_exclusive(patches, shape))
    lines = [Line(one.polygon) for one in drawn]
    relations = _relations(lines)
    nested = _nest(lines, relations)
    containers, joined, solid = nested.containers, nested.joined, nested.solid

    def numbers(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        return tuple((drawn[i].number, drawn[j].number) for i, j in pairs)

    doubtful = numbers((i, j) for i, j in joined if solid[i] != solid[j])
    if doubtful:
        first, second = doubtful[0]
        raise CIPAError(
            f"of contours {first} and {second}, which overlap in part, one is a hole in a third contour, so what lies "
            "inside is in doubt; correct them in the planning system"
        )
    inside = np.zeros(shape, dtype=bool)
    for i in np.flatnonzero(solid):
        holes = [patches[j] for j in range(len(drawn)) if not solid[j] and i in containers[j]]
        inside |= _with_holes(patches[i], holes, shape)
    holes_in = ((j, i) for j, found in enumerate(containers) for i in sorted(found) if solid[i] and not solid[j])
    return Combined(
        inside,
        numbers(pair for pair in joined if relations[pair] is Relation.TWICE),
        numbers(pair for pair in sorted(joined) if relations[pair] is not Relation.TWICE),
        numbers((hole, i) for hole, i in holes_in if lines[hole].area > RIM * lines[i].area),
    )


def _relations(lines: list[Line]) -> dict[Pair, Relation]:
    pairs = combinations(range(len(lines)), 2)
    found = {(i, j): relate(lines[i], lines[j]) for i, j in pairs}
    return {pair: relation for pair, relation in found.items() if relation is not Relation.APART}


@dataclass(frozen=True)
class _Nested:
    """For each contour those that it is a hole or an island in, and whether it is solid; and the pairs that are one."""

    containers: list[set[int]]
    solid: list[bool]
    joined: list[Pair]


def _nest(lines: list[Line], relations: dict[Pair, Relation]) -> _Nested:
    joined = [pair for pair, relation in relations.items() if relation in {Relation.TWICE, Relation.ACROSS}]
    group = list(range(len(lines)))
    for pair in joined:
        group = _united(group, pair)
    containers = _containers(relations, len(lines), Relation.WITHIN, Relation.AROUND)
    along = _containers(relations, len(lines), Relation.WITHIN_ALONG, Relation.AROUND_ALONG)
    solid = [True] * len(lines)
    # What surrounds comes before what is within
    for i in sorted(range(len(lines)), key=lambda number: -lines[number].area):
        for j in along[i]:
            # Along the line of a hole it is an island, along that of what is solid a piece that was drawn again
            if solid[j]:
                joined.append((min(i, j), max(i, j)))
                group = _united(group, (i, j))
            else:
                containers[i].add(j)
        solid[i] = len({group[j] for j in containers[i]}) % 2 == 0
    return _Nested(containers, solid, joined)


def _containers(relations: dict[Pair, Relation], count: int, within: Relation, around: Relation) -> list[set[int]]:
    """For each contour those that it lies within."""
    found: list[set[int]] = [set() for _ in range(count)]
    for (i, j), relation in relations.items():
        if relation is within:
            found[i].add(j)
        elif relation is around:
            found[j].add(i)
    return found


def _united(group: list[int], pair: Pair) -> list[int]:
    """Give two contours, and all that are one with them, the same number."""
    i, j = pair
    return [group[i] if one == group[j] else one for one in group]


def _with_holes(patch: Patch, holes: list[Patch], shape: tuple[int, int]) -> Mask:
    inside = np.zeros(shape, dtype=bool)
    inside[patch.window] = patch.inside
    for hole in holes:
        # What lies on the hole's line stays, as where the hole is a keyhole
        inside[hole.window] &= ~hole.beside.all(axis=0)
    return inside


def _exclusive(patches: list[Patch], shape: tuple[int, int]) -> Mask:
    beside = np.zeros((len(patches[0].beside), *shape), dtype=bool)
    for patch in patches:
        rows, columns = patch.window
        beside[:, rows, columns] ^= patch.beside
    inside: Mask = np.any(beside, axis=0)
    return inside
