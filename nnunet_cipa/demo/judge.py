"""The verdict on whether the network learned."""

import math
from collections.abc import Iterable, Mapping, Sequence

from nnunet_cipa.demo.page import CaseResult, Verdict
from nnunet_cipa.errors import CIPAError

# docs/performance.md has what demos of ten seeds reach; a network that finds nothing has 0.
MIN_DICE = 0.5
# A training loss (cross-entropy less Dice, as nnU-Net has it) that a network reaches which finds most tumours.
LEARNED_LOSS = -0.5


def judge(stock: Mapping[str, float], results: Sequence[CaseResult], losses: Sequence[float]) -> Verdict:
    """Judge whether the network learned: a mean Dice of at least ``MIN_DICE`` on the held-out cases.

    Parameters
    ----------
    stock : dict
        The Dice of each case as nnUNetv2_evaluate_folder wrote it, which is what counts.
    results : sequence of CaseResult
        The same cases as the page shows them.
    losses : sequence of float
        The training loss of each epoch. If the network did not learn, the verdict says what to look at by the last.

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
    if passed:
        return Verdict(
            True, f"Mean Dice {mean:.3f} on {count} held-out cases is at least {MIN_DICE}: the network learned."
        )
    return Verdict(
        False,
        f"Mean Dice {mean:.3f} on {count} held-out cases is below {MIN_DICE}: the network did not learn. "
        f"{_what_to_look_at(losses, shown)}",
    )


def _what_to_look_at(losses: Sequence[float], dice: Mapping[str, float]) -> str:
    if not losses or not losses[-1] < LEARNED_LOSS:
        ended = f"ended at {losses[-1]:.2f}, not below {LEARNED_LOSS}" if losses else "is not in its log"
        return (
            f"The training loss {ended}, so look at the training: its curve on the page and its log; nnunet-cipa "
            "doctor shows which scan backend ran, and NNUNET_CIPA_SCAN_BACKEND=torch trains with another."
        )
    worst = min(dice, key=lambda name: -1.0 if math.isnan(dice[name]) else dice[name])
    return (
        f"The training loss fell to {losses[-1]:.2f}, so look at what came after the training: the picture of case "
        f"{worst}, the worst, and the log of the prediction."
    )


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, abs_tol=1e-6) or (math.isnan(first) and math.isnan(second))


def mean_dice(scores: Iterable[float]) -> tuple[float, int]:
    """Return the mean of the scores that are defined, NaN without any, and their number."""
    defined = [score for score in scores if not math.isnan(score)]
    return (math.fsum(defined) / len(defined) if defined else math.nan), len(defined)
