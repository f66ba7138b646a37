"""From the files of runs to the tables and figures of docs/evidence.md, between its two marks."""

from collections.abc import Iterator
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Mean, bootstrap_mean
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.tables import Table
from tests.measurements.evidence.charts import draw_curves, draw_rows
from tests.measurements.evidence.records import PHANTOMS, Run, Scores, read_runs
from tests.measurements.evidence.rows import COMPARISONS, ROWS
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.tables import (
    Runs,
    comparison_table,
    errors_table,
    groups_table,
    over_patients,
    trainings_table,
)
from tests.measurements.evidence.targets import IGTV

BEGIN, END = "<!-- evidence: begin, written by tests/measurements/evidence -->", "<!-- evidence: end -->"
ROWS_FIGURE, CURVES_FIGURE = "evidence_rows.svg", "evidence_curves.svg"


def report(runs_folder: Path, page: Path, seeds: int) -> None:
    """Write tables and figures into the page.

    Parameters
    ----------
    runs_folder : Path
        Of the files of runs.
    page : Path
        It has the two marks, or is not there yet; figures go to ``images`` beside it.
    seeds : int
        How many seeds a row should have; which have fewer is said.

    Raises
    ------
    CIPAError
        If the page lacks the marks, or runs have different settings.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else f"{BEGIN}{END}\n"
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise CIPAError(f"{page}: has no line {BEGIN!r} with a line {END!r} after it; bring both back")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    content = "\n\n".join(_content(runs_folder, page.parent / "images", seeds))
    write_text(page, f"{before}{BEGIN}\n\n{content}\n\n{END}{after}")


def _content(runs_folder: Path, images: Path, seeds: int) -> Iterator[str]:
    phantoms = runs_folder / PHANTOMS
    if not phantoms.is_file():
        yield "**There are no runs yet: the tables have no rows.**"
        return
    settings, patients = Settings.read(phantoms), read_object(phantoms)["patients"]
    runs = read_runs(runs_folder, settings)
    yield _described(settings, patients)
    if runs:
        on_igtv = {row: found for row, found in runs.items() if ROWS[row].target == IGTV}
        yield from _figures(runs, on_igtv, patients, images)
        for comparison in COMPARISONS:
            if sum(row in runs for row in comparison.rows) > 1:
                yield from _shown(comparison_table(comparison, runs))
        yield from _shown(groups_table(on_igtv, patients))
        yield from _shown(errors_table(on_igtv, patients))
        yield from _shown(trainings_table(runs))
        yield f"Trained on {_machines(runs)}."
    yield _missing(runs, seeds)


def _figures(runs: Runs, on_igtv: Runs, patients: Scores, images: Path) -> Iterator[str]:
    images.mkdir(exist_ok=True)
    draw_rows(on_igtv, over_patients([Run("gtv", 0, patients)]), images / ROWS_FIGURE)
    draw_curves(runs, images / CURVES_FIGURE)
    yield f"![Dice of each row with its interval](images/{ROWS_FIGURE})"
    yield f"![Validation Dice of each row by iteration](images/{CURVES_FIGURE})"


def _shown(table: Table) -> Iterator[str]:
    yield f"### {table.title}"
    yield table.as_text()
    if table.note:
        yield table.note


def _described(settings: Settings, patients: Scores) -> str:
    gtv, igtv, same = (_mean_of(patients, name) for name in ("gtv_ml", "truth_ml", "dice"))
    return (
        f"{settings.source} patients with a GTV to start from, {settings.training} with an IGTV to train on, "
        f"{len(patients)} held out; {settings.size} x {settings.size} pixels, {settings.slices} slices "
        f"{settings.slice_distance:g} mm apart; {settings.epochs * settings.iterations} iterations. Of the held-out "
        f"patients, the GTV has {format_number(gtv.value, 1)} ml and the IGTV {format_number(igtv.value, 1)} ml in the "
        f"mean. The Dice between the two is {format_number(same.value)} ({format_number(same.low)} to "
        f"{format_number(same.high)}): what a network reaches that outlines the tumour where the CT shows it and "
        "ignores motion."
    )


def _mean_of(patients: Scores, name: str) -> Mean:
    return bootstrap_mean([float(found[name]) for found in patients.values()], list(patients))


def _machines(runs: Runs) -> str:
    found = [str(run.machine["gpu"] or run.machine["processor"]) for row in runs.values() for run in row]
    return ", ".join(f"{name} ({found.count(name)} runs)" for name in dict.fromkeys(found))


def _missing(runs: Runs, seeds: int) -> str:
    lacking = {row: seeds - len(runs.get(row, ())) for row in ROWS}
    none = [ROWS[row].whole_title for row in ROWS if row not in runs]
    fewer = [
        f"{ROWS[row].whole_title} ({seeds - count} of {seeds})" for row, count in lacking.items() if 0 < count < seeds
    ]
    if not none and not fewer:
        return f"No row is missing; each has at least {seeds} seeds."
    told = ["Rows without a run: " + "; ".join(none) + "."] if none else []
    return " ".join([*told, *(["Rows with fewer seeds: " + "; ".join(fewer) + "."] if fewer else [])])
