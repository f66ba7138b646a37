"""Gathers what a report shows: scores, statistics, curves, cost, hardware and versions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.benchmark.report.calibration import calibrate, check_probabilities
from nnunet_cipa.benchmark.report.cost import count_cost
from nnunet_cipa.benchmark.report.models import Record
from nnunet_cipa.evaluation.leakage import audit_leakage
from nnunet_cipa.evaluation.report.content import ModelFacts, Report
from nnunet_cipa.evaluation.report.notices import dataset_notices, settings_facts
from nnunet_cipa.evaluation.scoring import Model, Score, Study, score_folds
from nnunet_cipa.evaluation.statistics import Settings, compute_statistics
from nnunet_cipa.files.json_files import read_json, read_object
from nnunet_cipa.nnunet.logs import read_curve
from nnunet_cipa.versions import reported_versions


@dataclass(frozen=True)
class ReportRequest(Study):
    """What to report on: a cross-validation, and how.

    Attributes
    ----------
    settings : Settings
        Of intervals and tests.
    processes : int
        For scoring and the audit.
    audit : bool
        Look for patients under two names.
    calibrate : bool
        Every model has to be calibrated, as its temperature is to be kept.
    record : Record or None
        Of the benchmark, if ``benchmark run`` made the models.
    command : str
        What called for the report.
    """

    settings: Settings = field(default_factory=Settings)
    processes: int = 1
    audit: bool = True
    calibrate: bool = False
    record: Record | None = None
    command: str = ""


def collect(request: ReportRequest) -> Report:
    """Score the models and gather what is known of them.

    Raises
    ------
    CIPAError
        As ``score_folds``, ``audit_leakage`` and ``calibrate``.
    """
    if request.calibrate:
        check_probabilities(request)
    scores = score_folds(request, request.processes)
    audit = audit_leakage(request.dataset, request.processes) if request.audit else None
    folds = sorted({score.fold for score in scores if score.fold is not None})
    record = request.record
    models = [
        _facts_of(request, model, folds, [score for score in scores if score.model == model.title])
        for model in request.models
    ]
    commands = (*(record.commands if record else ()), *([request.command] if request.command else ()))
    return Report(
        dataset=request.dataset.name,
        scores=scores,
        statistics=compute_statistics(scores, request.settings),
        models=models,
        audit=audit,
        tolerance_mm=request.tolerance_mm,
        notices=list(_notices(request, len(folds))),
        commands=commands,
        facts=_facts(request, folds, models),
    )


def _facts_of(request: ReportRequest, model: Model, folds: list[int], scores: list[Score]) -> ModelFacts:
    configuration = model.folder.name.rpartition("__")[2]
    return ModelFacts(
        model.title,
        count_cost(model.folder, configuration),
        {fold: read_curve(model.folder / f"fold_{fold}") for fold in folds},
        _training(model.folder, folds),
        calibrate(scores, request.settings, request.processes),
    )


def _training(folder: Path, folds: list[int]) -> dict[str, str]:
    """Return what nnU-Net wrote to debug.json; values that differ between folds one after the other."""
    found: dict[str, list[str]] = {}
    for fold in folds:
        path = folder / f"fold_{fold}" / "debug.json"
        debug = read_object(path, "remove it; the report then lacks its settings") if path.is_file() else {}
        iterations = debug.get("num_iterations_per_epoch")
        epochs = f"{debug['num_epochs']} x {iterations}" if "num_epochs" in debug and iterations else None
        names = {
            "epochs": epochs,
            "batch": debug.get("batch_size"),
            "device": debug.get("gpu_name", debug.get("device")),
            # the attribute of a trainer that knows a seed, as text
            "seed": str(debug.get("seed")).lower() if debug else None,
        }
        for name, value in {**names, "torch": debug.get("torch_version")}.items():
            if value is not None:
                found.setdefault(name, []).append(str(value))
    return {name: ", ".join(dict.fromkeys(given)) for name, given in found.items()}


def _notices(request: ReportRequest, folds: int) -> Iterator[str]:
    yield from dataset_notices(read_object(request.dataset / "dataset.json"))
    total = len(read_json(request.splits))
    if folds < total:
        yield f"Only {folds} of {total} folds are in this report, so not every case is."
    if not request.audit:
        yield "No leakage audit was made: whether a patient is in the data set under two names was not looked at."


def _facts(request: ReportRequest, folds: list[int], models: list[ModelFacts]) -> dict[str, str]:
    provenance = request.dataset / "provenance" / "_dataset.json"
    seed = read_object(provenance).get("seed") if provenance.is_file() else None
    facts = {
        "folds": ", ".join(map(str, folds)),
        "seed of the folds": "not known" if seed is None else str(seed),
        **settings_facts(request.settings, request.tolerance_mm),
    }
    if request.record is not None:
        facts |= request.record.facts
    else:
        seeds = {model.title: model.training.get("seed", "none") for model in models}
        if set(seeds.values()) == {"none"}:
            facts["seed of the training"] = "none: nnU-Net seeds neither initial weights nor the drawing of patches"
        else:
            facts["seed of the training"] = ", ".join(f"{title}: {seed}" for title, seed in seeds.items())
    return facts | {f"this report: {name}": value for name, value in reported_versions().items()}
