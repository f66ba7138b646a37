"""Writes a report: index.html, report.md, cases.csv and report.json."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from nnunet_cipa.evaluation.metrics.catalogue import all_metrics
from nnunet_cipa.evaluation.report import calibration, charts, tables
from nnunet_cipa.evaluation.report.content import Report
from nnunet_cipa.evaluation.report.pictures import Picture, choose_cases, draw_case
from nnunet_cipa.evaluation.report.place import claimed_folder
from nnunet_cipa.evaluation.report.side_by_side import choose_rows, draw_row
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.pages import palette
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.pages.templates import load_template

PAGE, MARKDOWN, CASES, JSON = "index.html", "report.md", "cases.csv", "report.json"


def write_report(report: Report, out: Path) -> Path:
    """Write a report to a new folder and return the path of its page.

    The folder appears under its name only when it is complete. The page needs no other file.

    Raises
    ------
    CIPAError
        If the folder exists, another process writes it, or an image of a case that is drawn cannot be read.
    """
    with claimed_folder(out) as building:
        write_files(report, building)
    return out / PAGE


def report_tables(report: Report) -> list[Table]:
    """Return the tables in their order, without that of all cases."""
    found = [*tables.summary_tables(report)]
    if len(report.titles) > 1:
        found.append(tables.test_table(report))
    if report.cross_validated:
        found.append(tables.fold_table(report))
    found += [tables.stratum_table(report), tables.paper_table(report)]
    if report.cross_validated:
        found += [tables.cost_table(report), calibration.calibration_table(report)]
    return found


def write_files(report: Report, folder: Path) -> None:
    """Write the files of a report to a folder."""
    (folder / PAGE).write_text(_page(report), encoding="utf-8")
    (folder / MARKDOWN).write_text(_markdown(report), encoding="utf-8")
    (folder / JSON).write_text(json.dumps(_content(report), indent=1, allow_nan=False), encoding="utf-8")
    _write_cases(report, folder / CASES)


def _page(report: Report) -> str:
    return load_template("nnunet_cipa.evaluation.report", "page.html", number=format_number).render(
        report=report,
        tables=report_tables(report),
        cases=tables.case_table(report),
        boxes=charts.box_plots(report),
        volumes=charts.bland_altman(report),
        reliability=calibration.reliability_chart(report.models),
        curves=charts.training_curves(report.models),
        rows=[draw_row(rank, scores) for rank, scores in choose_rows([report.of(title) for title in report.titles])],
        pictures={title: _pictures(report, title) for title in report.titles},
        palette=palette,
    )


def _pictures(report: Report, title: str) -> list[Picture]:
    chosen = choose_cases(report.of(title))
    return [draw_case(rank, score) for rank, score in chosen if isinstance(score.files, CaseFiles)]


def _markdown(report: Report) -> str:
    parts = [f"# {report.heading}", *report.notices]
    for table in (*report_tables(report), tables.case_table(report)):
        escaped = Table("", [_cell(text) for text in table.header], [[_cell(c) for c in row] for row in table.rows])
        parts += [f"## {table.title}", escaped.as_text(), table.note]
    if report.commands:
        parts += ["## Commands", "\n".join(("```bash", *report.commands, "```"))]
    parts += ["## Hardware, versions, seeds", "\n".join(f"- {name}: {value}" for name, value in report.facts.items())]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _write_cases(report: Report, path: Path) -> None:
    names = [metric.name for metric in all_metrics()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("model", "fold", "case", "patient", *names))
        for score in report.scores:
            measured = (score.measures[name] for name in names)
            writer.writerow((
                score.model, score.fold, score.files.name, score.patient,
                *("" if math.isnan(value) else value for value in measured),
            ))  # fmt: skip


def _content(report: Report) -> dict[str, Any]:
    statistics = report.statistics
    return {
        "dataset": report.dataset,
        "tolerance_mm": report.tolerance_mm,
        "audit": _plain(report.audit),
        "settings": _plain(statistics.settings),
        "means": [
            {"model": model, "measure": name, **_plain(mean), "folds": _plain(statistics.fold_means[model, name])}
            for (model, name), mean in statistics.means.items()
        ],
        "tests": _plain(statistics.tests),
        "strata": [
            {**_plain(stratum), "dice": {model: _plain(mean) for model, mean in found.items()}}
            for stratum, found in statistics.strata
        ],
        "by_slice": {
            model: {name: _plain(getattr(found, name)) for name in ("slices", "iou", "f1", "acc", "hd95_px")}
            for model, found in statistics.slices.items()
        },
        "models": [
            {
                "title": m.title,
                **_plain(m.cost),
                "multiply_adds_512": _plain(m.cost.of_a_slice),
                **m.training,
                "calibration": _plain(m.calibration),
            }
            for m in report.models
        ],
        "notices": list(report.notices),
        "commands": list(report.commands),
        "facts": dict(report.facts),
        "cases": list(_case_content(report)),
    }


def _case_content(report: Report) -> Iterator[dict[str, Any]]:
    for score in report.scores:
        identity = {"model": score.model, "fold": score.fold, "case": score.files.name, "patient": score.patient}
        yield identity | _plain(dict(score.measures))


def _plain(value: Any) -> Any:
    """Turn dataclasses into dicts, and what is not finite into null, which JSON does not have."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
