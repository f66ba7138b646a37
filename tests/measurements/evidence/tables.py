"""The tables of the evidence: Dice with intervals and tests, groups of slices and patients, lengths of trainings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from nnunet_cipa.evaluation import Mean, bootstrap_mean, compare, holm, volume_strata
from nnunet_cipa.evaluation.paired import Comparison as PairedTest
from nnunet_cipa.pages.numbers import format_number, format_p
from nnunet_cipa.pages.tables import Table
from tests.measurements.evidence.records import Run, Scores
from tests.measurements.evidence.rows import ROWS, Comparison

Runs = Mapping[str, Sequence[Run]]


def over_patients(runs: Sequence[Run], score: str = "dice", cases: Sequence[str] = ()) -> Mean:
    """Return the mean over patients and seeds, and its interval: patients are resampled with all their seeds."""
    found = [(value, case) for run in runs for case, value in run.scores(score).items() if not cases or case in cases]
    return bootstrap_mean(*zip(*found, strict=True))


def over_seeds(runs: Sequence[Run], score: str = "dice") -> Mean:
    """Return the same mean and the interval that resamples seeds with all their patients."""
    found = [(value, str(run.seed)) for run in runs for value in run.scores(score).values()]
    return bootstrap_mean(*zip(*found, strict=True))


def seed_means(runs: Sequence[Run], score: str = "dice") -> dict[int, float]:
    """Return the mean of each seed."""
    return {run.seed: over_patients([run], score).value for run in runs}


def comparison_table(comparison: Comparison, runs: Runs) -> Table:
    """Compare the rows that have runs; the tests are of the seeds that a row and its reference share."""
    score = comparison.score
    there = [row for row in comparison.rows if row in runs]
    tests = {row: _test(runs[row], runs[other], score) for row in there if (other := comparison.rows[row]) in runs}
    tests = {row: test for row, test in tests.items() if test is not None}
    adjusted = dict(zip(tests, holm([test.patients.p for test in tests.values()]), strict=True))
    cells = []
    for row in there:
        shown = [
            ROWS[row].title,
            str(len(runs[row])),
            _cell(over_patients(runs[row], score)),
            _interval(over_seeds(runs[row], score)),
        ]
        if row in tests:
            test, reference = tests[row], ROWS[str(comparison.rows[row])].title
            shown += [reference, _difference(test.patients.difference), _interval(test.seeds)]
            shown += [format_p(adjusted[row]), test.above]
        else:
            shown += [""] * 5
        cells.append(shown)
    header = (
        "row", "seeds", "Dice (95 % over patients)", "95 % over seeds", "against", "difference (95 % over patients)",
        "its 95 % over seeds", "p (Holm)", "seeds above",
    )  # fmt: skip
    return Table(comparison.title, header, cells, _order(comparison, runs))


def groups_table(runs: Runs, ignoring_motion: Scores) -> Table:
    """Show first and last slices, small tumours and the heart for each row, and for the GTV as a prediction."""
    small = volume_strata({case: float(found["truth_ml"] or 0) for case, found in ignoring_motion.items()})[0]
    cells = [
        [
            title,
            *(_cell(over_patients(found, score)) for score in ("dice", "ends", "between")),
            _cell(over_patients(found, "dice", small.cases)),
            _cell(over_patients(found, "heart_ml"), 2),
        ]
        for title, found in _with_gtv(runs, ignoring_motion)
    ]
    header = ("row", "all", "first and last slices", "slices between", f"tumours of {small.title}", "heart, ml")
    return Table("First and last slices, small tumours, the heart", header, cells)


def errors_table(runs: Runs, ignoring_motion: Scores) -> Table:
    """Show what each row misses and adds: whole lesions, and parts of the GTV and of what breathing adds to it."""
    digits = {"false_ml": 1, "missed_ml": 1, "gtv_part": 2, "motion_part": 2}
    gtv_ml = {case: float(found["gtv_ml"] or 0) for case, found in ignoring_motion.items()}
    cells = [
        [
            title,
            str(len(known)) if known[0].training else "",
            *(_cell(over_patients(known, score), places) for score, places in digits.items()),
            _cell(over_patients([_of_touching(run, gtv_ml) for run in known])),
        ]
        for title, found in _with_gtv(runs, ignoring_motion)
        if (known := [run for run in found if all(run.has(score) for score in digits)])
    ]
    header = (
        "row", "seeds", "predicted beside all lesions, ml", "lesions missed, ml", "part found of the GTV",
        "part found of what breathing adds", "Dice without what is beside all lesions",
    )  # fmt: skip
    return Table("What is missed and what is added", header, cells)


def _of_touching(run: Run, gtv_ml: Mapping[str, float]) -> Run:
    """Return the Dice of the predicted lesions that touch one, which follows from what the file of a run has."""
    return Run(run.row, run.seed, {case: {"dice": _dice_of_touching(run, case, gtv_ml[case])} for case in run.patients})


def _dice_of_touching(run: Run, case: str, gtv_ml: float) -> float:
    found = {name: value or 0.0 for name, value in run.patients[case].items()}
    truth = found["truth_ml"]
    # the GTV is a part of the IGTV, so that the rest of that is what breathing adds
    common = found["gtv_part"] * gtv_ml + found["motion_part"] * (truth - gtv_ml)
    if not common:
        return 0.0
    predicted = 2 * common / found["dice"] - truth
    return 2 * common / (predicted - found["false_ml"] + truth)


def _with_gtv(runs: Runs, ignoring_motion: Scores) -> list[tuple[str, Sequence[Run]]]:
    """Return titles and runs of all rows, and before them the GTV as a prediction, which no training made."""
    gtv = Run("gtv", 0, ignoring_motion)
    return [("the GTV itself", [gtv]), *((ROWS[row].title, found) for row, found in runs.items())]


def trainings_table(runs: Runs) -> Table:
    """Show what a row was trained with, its seconds, and how much the validation Dice still rose at the end."""
    cells = []
    for row, found in runs.items():
        training = found[0].training
        trainers = dict.fromkeys(f"`{run.training['trainer']}`" for run in found)
        patch = " x ".join(map(str, training["patch_size"]))
        rises = [rise for run in found if not math.isnan(rise := last_rise(run.curve))]
        cells.append(
            [
                ROWS[row].title, ROWS[row].target.roi, ", ".join(trainers), training["starts_from"],
                str(training["iterations"]), f"{training['batch_size']} of {patch}",
                f"{fmean(float(run.training['seconds']) for run in found):.0f}",
                _signed(fmean(rises)) if rises else "n/a",
            ]
        )  # fmt: skip
    header = ("row", "of", "trainer", "starts from", "iterations", "batch", "training s", "rise in the last quarter")
    return Table("Trainings", header, cells)


def last_rise(curve: Sequence[tuple[int, float | None]]) -> float:
    """Return the mean validation Dice of the last quarter of the epochs less that of the quarter before."""
    quarter = max(1, len(curve) // 4)
    last, before = (
        [value for _, value in part if value is not None] for part in (curve[-quarter:], curve[-2 * quarter : -quarter])
    )
    return fmean(last) - fmean(before) if last and before else math.nan


@dataclass(frozen=True)
class _Test:
    """Two rows compared on their common seeds: over patients, over seeds, and in how many seeds the first is above."""

    patients: PairedTest
    seeds: Mean
    above: str


def _test(mine: Sequence[Run], reference: Sequence[Run], score: str) -> _Test | None:
    """Compare two rows on the cases for which both have the score; None without a common seed."""
    others = {run.seed: run.scores(score) for run in reference}
    found = [
        (value, others[run.seed][case], case, run.seed)
        for run in mine
        if run.seed in others
        for case, value in run.scores(score).items()
        if not math.isnan(value - others[run.seed][case])
    ]
    if not found:
        return None
    first, second, cases, seeds = zip(*found, strict=True)
    low, high, shared = seed_means(reference, score), seed_means(mine, score), set(seeds)
    above = sum(high[seed] > low[seed] for seed in shared)
    differences = [value - other for value, other, *_ in found]
    return _Test(
        compare(first, second, cases), bootstrap_mean(differences, list(map(str, seeds))), f"{above} of {len(shared)}"
    )


def _order(comparison: Comparison, runs: Runs) -> str:
    if not comparison.ordered or not all(row in runs for row in comparison.rows):
        return ""
    means = [seed_means(runs[row]) for row in comparison.rows]
    shared = sorted(set.intersection(*(set(found) for found in means)))
    held = sum(all(low[seed] < high[seed] for low, high in pairwise(means)) for seed in shared)
    return f"Each row is above the one before it in {held} of {len(shared)} seeds."


def _interval(mean: Mean, digits: int = 3) -> str:
    if math.isnan(mean.low):
        return "no interval"
    return f"{format_number(mean.low, digits)} to {format_number(mean.high, digits)}"


def _cell(mean: Mean, digits: int = 3) -> str:
    return f"{format_number(mean.value, digits)} ({_interval(mean, digits)})"


def _difference(mean: Mean) -> str:
    return f"{_signed(mean.value)} ({_interval(mean)})"


def _signed(value: float) -> str:
    """Format a difference with its sign, none for what rounds to 0."""
    return f"{value:+.3f}" if abs(value) >= 0.0005 else format_number(value)
