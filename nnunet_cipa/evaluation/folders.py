"""Scores of folders of predicted masks against a folder of true ones, whoever predicted them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.folder_options import EvaluateOptions
from nnunet_cipa.evaluation.mask_folders import case_files, find_masks, shared_cases
from nnunet_cipa.evaluation.metrics.measures import check_tolerance
from nnunet_cipa.evaluation.patients import read_patients
from nnunet_cipa.evaluation.report.content import ModelFacts, Report
from nnunet_cipa.evaluation.report.notices import dataset_notices, settings_facts
from nnunet_cipa.evaluation.report.place import claimed_folder
from nnunet_cipa.evaluation.report.write import PAGE, write_files
from nnunet_cipa.evaluation.scoring import ScoringJob, score_jobs
from nnunet_cipa.evaluation.statistics import compute_statistics
from nnunet_cipa.files.csv_table import read_csv_table
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.versions import reported_versions


def evaluate_folders(
    truth: Path,
    predictions: Path | Sequence[Path],
    out: Path,
    options: EvaluateOptions | None = None,
    command: str = "",
) -> Path:
    """Score folders of predicted masks, compare them pairwise, and write the page of ``benchmark report``.

    Parameters
    ----------
    truth : Path
        Folder of true masks, as nnU-Net's labelsTs.
    predictions : Path or sequence of Path
        A folder of predicted masks with the names of the true ones, or several.
    out : Path
        New folder of the page, index.html, with Markdown, CSV and JSON beside it.
    options : EvaluateOptions, optional
        How.
    command : str
        What called for it, for the page.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    CIPAError
        If a folder lacks a case or has one too many (but see ``common``), masks cannot be read or are not on one grid,
        or the folder of the page exists.
    """
    options = options or EvaluateOptions()
    folders = [predictions] if isinstance(predictions, Path) else list(predictions)
    check_tolerance(options.tolerance_mm)
    titles = _titles(folders, options.names)
    with claimed_folder(out) as building:
        report = _report(truth, dict(zip(titles, folders, strict=True)), options, command)
        write_files(report, building)
    return out / PAGE


def _report(truth: Path, folders: Mapping[str, Path], options: EvaluateOptions, command: str) -> Report:
    masks = find_masks(truth)
    found = {title: find_masks(folder) for title, folder in folders.items()}
    cases, left_out = shared_cases(truth, masks, folders, found, common=options.common)
    patients, told = _patients(truth, cases, options.patients)
    files = case_files(options.images, {case: masks[case] for case in cases})
    jobs = [
        ScoringJob(
            files[case], patients[case], None, tuple(one[case] for one in found.values()), options.tolerance_mm,
            options.label,
        )
        for case in cases
    ]  # fmt: skip
    scores = score_jobs(jobs, list(folders), options.processes)
    settings = options.settings
    facts = {
        "truth": str(truth),
        **{f"predictions of {title}": str(folder) for title, folder in folders.items()},
        **settings_facts(settings, options.tolerance_mm),
        **reported_versions(),
    }
    return Report(
        dataset=f"{truth.resolve().parent.name}/{truth.resolve().name}",
        scores=scores,
        statistics=compute_statistics(scores, settings),
        models=[ModelFacts(title) for title in folders],
        audit=None,
        tolerance_mm=options.tolerance_mm,
        notices=[*_notices(truth), *told, *left_out],
        commands=(command,) if command else (),
        facts=facts,
    )


def _titles(folders: Sequence[Path], names: Sequence[str]) -> list[str]:
    if names and len(names) != len(folders):
        raise CIPAError(f"--names {' '.join(names)}: {len(names)} names for {len(folders)} folders; give one for each")
    titles = list(names) or [folder.resolve().name for folder in folders]
    for title in titles:
        if titles.count(title) > 1:
            raise CIPAError(f"{title}: names {titles.count(title)} folders of predictions; tell them apart by --names")
    return titles


def _patients(truth: Path, cases: Sequence[str], table: Path | None) -> tuple[dict[str, str], list[str]]:
    """Return case -> patient, and what the reader should know of it."""
    if table is None:
        patients = read_patients(truth.resolve().parent, cases)
        own = all(case == patient for case, patient in patients.items())
        return patients, ["Every case is taken for a patient of its own."] if own else []
    rows = read_csv_table(table)
    case_column, patient_column = rows.column("case"), rows.column("patient") or rows.column("patient_id")
    if case_column is None or patient_column is None:
        raise CIPAError(f"{table}: has the columns {', '.join(rows.columns)}; name two of them case and patient")
    found: dict[str, str] = {}
    for number, row in rows.rows.items():
        case, patient = row[case_column], row[patient_column]
        if not case or not patient or found.get(case, patient) != patient:
            raise CIPAError(f"{table} line {number}: case {case!r}, patient {patient!r}; give each case one patient")
        found[case] = patient
    for case in cases:
        if case not in found:
            raise CIPAError(f"{table}: has no line for case {case}; add it")
    return {case: found[case] for case in cases}, []


def _notices(truth: Path) -> Iterator[str]:
    description = truth.resolve().parent / "dataset.json"
    if description.is_file():
        yield from dataset_notices(read_object(description))
