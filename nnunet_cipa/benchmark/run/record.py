"""Record of a benchmark, in JSON for its report, and the refusal to mix it with another."""

import platform
import shlex
import sys
from typing import Any

from nnunet_cipa import __version__
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest, Plan
from nnunet_cipa.benchmark.run.execute import now
from nnunet_cipa.benchmark.run.layout import RECORD, is_record
from nnunet_cipa.doctor import examine
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.files.json_files import read_json, write_json
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE

_MAKER = "nnunet_cipa benchmark"
_NEEDED = {"made_by", "dataset", "budget", "files"}
SEEDS = {"training": None, "note": "nnU-Net seeds neither initial weights nor the drawing of patches"}


def doctor_facts() -> dict[str, dict[str, str]]:
    """Return versions, devices and scan backends as ``nnunet-cipa doctor`` tells them."""
    facts: dict[str, dict[str, str]] = {"system": {"system": f"{platform.system()} {platform.machine()}"}}
    for finding in examine():
        if finding.section != "nnU-Net":  # the folders, which say nothing of the machine
            facts.setdefault(finding.section, {})[finding.name] = finding.value
    return facts


def begin_record(request: BenchmarkRequest, plan: Plan, machine: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Write the record of a benchmark with a new run in it, and return it; models of earlier runs stay.

    Raises
    ------
    CIPAError
        If the folder holds a benchmark of another data set or budget, folds or plans have changed since, or a model
        was trained there with another seed.
    """
    record = check_record(request, plan)
    record["models"] = {
        **record.get("models", {}),
        **{model.key: model.facts(request.out, request.dataset.name) for model in plan.models},
    }
    record["seeds"] = _seeds(record["models"])
    record["folds"] = sorted({*record.get("folds", []), *request.folds})
    command = shlex.join(["nnunet-cipa", *sys.argv[1:]])
    record.setdefault("runs", []).append({"command": command, "start": now(), "end": None, "machine": machine})
    write_json(request.out / RECORD, record)
    return record


def end_record(request: BenchmarkRequest, record: dict[str, Any]) -> None:
    """Write when the run ended."""
    record["runs"][-1]["end"] = now()
    write_json(request.out / RECORD, record)


def check_record(request: BenchmarkRequest, plan: Plan) -> dict[str, Any]:
    """Return the record so far, checked to be of the same benchmark; nothing is written.

    Raises
    ------
    CIPAError
        As ``begin_record``.
    """
    path = request.out / RECORD
    facts = _facts(request)
    if not path.is_file():
        return facts
    record = read_json(path, "give another folder as --out")
    if not is_record(record) or not record.keys() >= _NEEDED or not str(record["made_by"]).startswith(_MAKER):
        raise CIPAError(f"{path}: is of no benchmark, or damaged; give another folder as --out")
    for name in ("dataset", "budget"):
        if record[name] != facts[name]:
            raise CIPAError(
                f"{path}: holds a benchmark with {name} {_tell(record[name])}, not {_tell(facts[name])}; give another "
                "folder as --out"
            )
    for name in record["files"].keys() & facts["files"].keys():
        if record["files"][name] != facts["files"][name]:
            raise CIPAError(
                f"{request.dataset.preprocessed / name}: has changed since the benchmark in {request.out} began; bring "
                "it back, or give another folder as --out"
            )
    known = record.get("models", {})
    for model in plan.models:
        before = known[model.key].get("seed") if model.key in known else model.seed
        if before != model.seed:
            remedy = f"unset {SEED_VARIABLE}" if before is None else f"set {SEED_VARIABLE} to {before}"
            raise CIPAError(
                f"{path}: holds {model.key} with seed {_tell_seed(before)}, not {_tell_seed(model.seed)}; {remedy}, or "
                "give another folder as --out, or --seeds, whose models are apart"
            )
    return record | {"made_by": facts["made_by"], "files": record["files"] | facts["files"]}


def _facts(request: BenchmarkRequest) -> dict[str, Any]:
    budget, folder = request.budget, request.dataset.preprocessed
    names = (SPLITS, "dataset.json", *(f"{plans}.json" for plans in request.plans))
    return {
        "made_by": f"{_MAKER} {__version__}",
        "dataset": request.dataset.name,
        "budget": None if budget is None else {"epochs": budget.epochs, "iterations_per_epoch": budget.iterations},
        "files": {name: file_hash(folder / name) for name in names},
    }


def _seeds(models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    seeds = {facts["title"]: facts.get("seed") for facts in models.values()}
    known = sorted({seed for seed in seeds.values() if seed is not None})
    if not known:
        return SEEDS
    unseeded = [title for title, seed in seeds.items() if seed is None]
    return {"training": known, **({"note": f"none for {', '.join(unseeded)}"} if unseeded else {})}


def _tell_seed(seed: int | None) -> str:
    return "none" if seed is None else str(seed)


def _tell(value: Any) -> str:
    if value is None:
        return "each trainer's own"
    if isinstance(value, dict) and value.keys() >= {"epochs", "iterations_per_epoch"}:
        return f"{value['epochs']!r} x {value['iterations_per_epoch']!r}"
    return value if isinstance(value, str) and value.isprintable() else repr(value)
