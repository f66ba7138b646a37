"""Whether the network learned."""

import math
from collections.abc import Iterable, Mapping, Sequence

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import CaseResult, Verdict

# Four trainings on different phantoms reached 0.58 to 0.65; a network that finds nothing has 0.
MIN_DICE = 0.4


def judge(stock: Mapping[str, float], results: Sequence[CaseResult]) -> Verdict:
    """Say whether the network learned: a mean Dice of at least ``MIN_DICE`` on the held-out cases.

    Parameters
    ----------
    stock : dict
        The Dice of each case as nnUNetv2_evaluate_folder wrote it, which is what counts.
    results : sequence of CaseResult
        The same cases as the page shows them.

    Raises
    ------
    CIPAError
        If nnU-Net and the page do not have the same Dice for the same cases.

    Notes
    -----
    Cases whose truth and prediction are both empty have no Dice and do not count; with no others the mean is 0.
    """
    shown = {result.files.name: result.network.dice for result in results}
    if shown.keys() != stock.keys() or not all(_same(shown[name], stock[name]) for name in shown):
        raise CIPAError(f"nnU-Net's summary.json has the Dice {dict(stock)} and the page {shown}; run the demo again")
    mean, count = mean_dice(stock.values())
    mean = 0.0 if math.isnan(mean) else mean
    passed = mean >= MIN_DICE
    outcome = "the network learned" if passed else "the network did not learn"
    relation = "is at least" if passed else "is below"
    return Verdict(passed, f"Mean Dice {mean:.3f} on {count} held-out cases {relation} {MIN_DICE}: {outcome}.")


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, abs_tol=1e-6) or (math.isnan(first) and math.isnan(second))


def mean_dice(scores: Iterable[float]) -> tuple[float, int]:
    """Return the mean of the scores that are defined, NaN without any, and their number."""
    defined = [score for score in scores if not math.isnan(score)]
    return (math.fsum(defined) / len(defined) if defined else math.nan), len(defined)
