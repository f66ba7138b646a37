"""The trained models to report on, found in nnU-Net's folders or in the record of a benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunet_cipa.benchmark.run.layout import RECORD, is_job_record, is_record
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.scoring import Model
from nnunet_cipa.files.json_files import read_json
from nnunet_cipa.nnunet.folders import PREPROCESSED, RAW, RESULTS, SPLITS, find_dataset, nnunet_folder


@dataclass(frozen=True)
class Record:
    """What ``nnunet-cipa benchmark run`` wrote of a benchmark.

    Attributes
    ----------
    models : dict
        Key -> what it says of a model: title, trainer, folder.
    commands : tuple of str
        Of the runs, then of the jobs, each once.
    facts : dict
        Machine, budget and seeds, name -> value.
    folds : tuple of int
        Which folds were run.
    """

    folder: Path
    models: dict[str, dict[str, Any]]
    commands: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    folds: tuple[int, ...] = ()


def raw_dataset(name_or_id: str) -> Path:
    """Return the folder in nnUNet_raw of the dataset with that number or whole name.

    Raises
    ------
    CIPAError
        If there is none, or more than one of that number.
    """
    raw = nnunet_folder(RAW)
    return raw / find_dataset(name_or_id, [raw])


def find_splits(dataset: Path) -> Path:
    """Return the folds that nnU-Net trains a dataset with: those of the preprocessed dataset, else of the raw one."""
    planned = nnunet_folder(PREPROCESSED) / dataset.name / SPLITS
    return planned if planned.is_file() else dataset / SPLITS


def read_record(folder: Path) -> Record:
    """Read the record of a benchmark.

    Raises
    ------
    CIPAError
        If there is none or it is not laid out as ``benchmark run`` writes it.
    """
    path = folder / RECORD
    if not path.exists():
        raise CIPAError(f"{path}: no such file; give the folder of a benchmark as --benchmark")
    remedy = (
        "give another folder as --benchmark; if it is damaged, remove it and give the command of 'benchmark run' "
        "again, which trains nothing that is done"
    )
    content = read_json(path, remedy)
    if "models" not in content or not is_record(content):
        raise CIPAError(f"{path}: names no models with title, trainer and folder; {remedy}")
    models, runs = content["models"], content.get("runs", [])
    commands = [run["command"] for run in runs]
    # beside fold_0.json there may be fold_0.slurm.json, which says what is queued
    for job in sorted((folder / "jobs").glob("*/fold_*[0-9].json")):
        attempts = read_json(job, "remove it, which loses no training")
        if not is_job_record(attempts):
            raise CIPAError(f"{job}: is not a record of a fold, or damaged; remove it, which loses no training")
        commands += [attempt["command"] for attempt in attempts["attempts"]]
    facts: dict[str, str] = {}
    for section, found in (runs[-1].get("machine", {}) if runs else {}).items():
        facts |= {f"{section}: {name}": str(value) for name, value in found.items()}
    budget = content.get("budget")
    if isinstance(budget, dict):
        facts["budget"] = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in budget.items())
    for name, value in content.get("seeds", {}).items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts[f"seed of {name}" if name != "note" else "seeds"] = "none" if value is None else told
    return Record(folder, models, tuple(dict.fromkeys(commands)), facts, tuple(content.get("folds", [])))


def recorded_models(record: Record, trainers: Sequence[str] = ()) -> tuple[Model, ...]:
    """Return the models of a benchmark, or those among them whose trainer, title or key is named.

    Raises
    ------
    CIPAError
        If one that is named is not there.
    """
    names = {key: {key, str(facts["title"]), str(facts["trainer"])} for key, facts in record.models.items()}
    for trainer in trainers:
        if not any(trainer in known for known in names.values()):
            raise CIPAError(
                f"--trainers {trainer}: is not in {record.folder / RECORD}; name some of these: "
                f"{', '.join(record.models)}"
            )
    chosen = [key for key, known in names.items() if not trainers or known & set(trainers)]
    titles = [str(record.models[key]["title"]) for key in chosen]
    return tuple(
        Model(title if titles.count(title) == 1 else key, record.folder / str(record.models[key]["folder"]))
        for key, title in zip(chosen, titles, strict=True)
    )


def stock_models(results: Path, trainers: Sequence[str]) -> tuple[Model, ...]:
    """Find models in nnUNet_results by the name of the trainer or of the whole folder.

    Parameters
    ----------
    results : Path
        ``nnUNet_results/DatasetNNN_NAME``.
    trainers : sequence of str
        ``TRAINER`` or ``TRAINER__PLANS__CONFIGURATION``.

    Raises
    ------
    CIPAError
        If there is no such model, or the trainer alone does not tell which.
    """
    models = []
    for name in trainers:
        exact = results / name
        found = [exact] if "__" in name and exact.is_dir() else sorted(results.glob(f"{name}__*__*"))
        if len(found) != 1:
            there = ", ".join(path.name for path in found or sorted(results.glob("*__*__*")))
            wrong = "names several models" if found else "no such model"
            remedy = f"name one of these: {there}" if there else "train it first"
            raise CIPAError(f"--trainers {name}: {wrong} in {results}; {remedy}")
        models.append(Model(name, found[0]))
    return tuple(models)


def find_models(
    dataset: str, trainers: Sequence[str] = (), benchmark: Path | None = None
) -> tuple[tuple[Model, ...], Record | None]:
    """Find the models to report on, and the record of their benchmark if there is one.

    Parameters
    ----------
    dataset : str
        DatasetNNN_NAME.
    trainers : sequence of str
        Which models; all of a benchmark if empty.
    benchmark : Path, optional
        Folder of a benchmark; by default that of the dataset, if it exists, else nnU-Net's own folders.

    Raises
    ------
    CIPAError
        If there are none, or not those that are named.
    """
    results = nnunet_folder(RESULTS)
    folder = benchmark or results / "benchmarks" / dataset
    if benchmark is not None or (folder / RECORD).is_file():
        record = read_record(folder)
        return recorded_models(record, trainers), record
    if not trainers:
        raise CIPAError(
            f"{folder / RECORD}: no such file; name the models by --trainers, or give the folder of a benchmark as "
            "--benchmark"
        )
    return stock_models(results / dataset, trainers), None
