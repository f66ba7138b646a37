"""The cases that a report shows, each a slice with what was found, what was not and what is false."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.pages.images import data_uri, enlarge, png
from nnunet_cipa.pages.overlay import CaseSlice, grey, paint, read_case_slice

MARGIN_MM = 35.0
_SIDE = 300


@dataclass(frozen=True)
class Picture:
    """A case of a model: its rank, the slice, counted from 1, of so many, and CT and PET as data URIs."""

    score: Score
    rank: str
    slice: int
    slices: int
    ct: str
    pet: str


def choose_cases(scores: Sequence[Score]) -> list[tuple[str, Score]]:
    """Return the worst, the median and the best case by Dice, fewer if there are; undefined ones are left out."""
    defined = [score for score in scores if score.measures.dice >= 0]
    return [(rank, defined[index]) for rank, index in worst_to_best([score.measures.dice for score in defined])]


def worst_to_best(values: Sequence[float]) -> list[tuple[str, int]]:
    """Return where the worst, the median and the best of some values are, fewer if there are fewer values."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    if not order:
        return []
    chosen = {0: "worst"}
    chosen.setdefault(len(order) - 1, "best")
    chosen.setdefault((len(order) - 1) // 2, "median")
    return [(chosen[index], order[index]) for index in sorted(chosen)]


def draw_case(rank: str, score: Score) -> Picture:
    """Draw a case at its largest true tumour.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    files = score.files
    assert isinstance(files, CaseFiles)  # noqa: S101 - for the type checker; only cases with images are drawn
    assert files.prediction is not None  # noqa: S101 - a scored case has one
    whole = read_case_slice(files.ct, files.pet, files.truth, files.prediction, score.label)
    shown = in_greys(whole).cut(*whole.marked, MARGIN_MM)
    ct, pet = (
        data_uri(png(enlarge(paint(plane, shown.truth, shown.prediction), shown.pixel, _SIDE)))
        for plane in (shown.ct, shown.pet)
    )
    return Picture(score, rank, shown.index + 1, shown.count, ct, pet)


def in_greys(whole: CaseSlice) -> CaseSlice:
    """Return a slice whose greys, 0 to 255, are those of the whole slice; PET is dark where uptake is high."""
    return replace(whole, ct=grey(whole.ct), pet=255 - grey(whole.pet))
