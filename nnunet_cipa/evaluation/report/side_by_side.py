"""Rows of pictures: one slice of a case, and what each of several models found, missed and added there."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.evaluation.report.pictures import MARGIN_MM, in_greys, worst_to_best
from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.pages.images import data_uri, enlarge, png
from nnunet_cipa.pages.overlay import paint, read_case_slices

_SIDE = 220


@dataclass(frozen=True)
class Row:
    """A case of several models.

    Attributes
    ----------
    rank : str
        Among the cases, such as worst.
    dice : float
        Mean of the models.
    slice, slices : int
        The slice, counted from 1, of so many.
    ct, pet : str
        Without colours, as data URIs.
    models : sequence of (Score, str)
        Each model's score, and the CT coloured by agreement.
    """

    rank: str
    dice: float
    slice: int
    slices: int
    ct: str
    pet: str
    models: Sequence[tuple[Score, str]]


def choose_rows(models: Sequence[Sequence[Score]]) -> list[tuple[str, list[Score]]]:
    """Return the worst, the median and the best case by the mean Dice of all models, with the score of each model.

    Cases that have no Dice, or no images, are left out; so are cases that a model has not predicted.
    """
    by_name = [
        {score.files.name: score for score in scores if score.measures.dice >= 0 and isinstance(score.files, CaseFiles)}
        for scores in models
    ]
    common = [name for name in by_name[0] if all(name in scores for scores in by_name)] if len(by_name) > 1 else []
    cases = [[scores[name] for scores in by_name] for name in common]
    return [(rank, cases[index]) for rank, index in worst_to_best([_mean_dice(scores) for scores in cases])]


def draw_row(rank: str, scores: Sequence[Score]) -> Row:
    """Draw a case at its largest true tumour, the same part of the slice for each model.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    files = scores[0].files
    assert isinstance(files, CaseFiles)  # noqa: S101 - for the type checker; only cases with images are drawn
    predictions = [score.files.prediction for score in scores if score.files.prediction is not None]
    whole = read_case_slices(files.ct, files.pet, files.truth, predictions, scores[0].label)
    rows, columns = (np.logical_or.reduce(marked) for marked in zip(*(one.marked for one in whole), strict=True))
    shown = [in_greys(one).cut(rows, columns, MARGIN_MM) for one in whole]
    first = shown[0]

    def picture(plane: NDArray[np.uint8]) -> str:
        return data_uri(png(enlarge(plane, first.pixel, _SIDE)))

    painted = [picture(paint(one.ct, one.truth, one.prediction)) for one in shown]
    return Row(
        rank, _mean_dice(scores), first.index + 1, first.count, picture(first.ct), picture(first.pet),
        list(zip(scores, painted, strict=True)),
    )  # fmt: skip


def _mean_dice(scores: Sequence[Score]) -> float:
    return fmean(score.measures.dice for score in scores)
