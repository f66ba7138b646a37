"""Checkpoints that are adapted before the first fold: once for each model, by ``nnunet-cipa weights adapt``."""

from pathlib import Path

from nnunet_cipa.benchmark.plan.entries import WeightSource
from nnunet_cipa.benchmark.plan.models import PlannedModel
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest, Plan, job_variables
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.commands import Step, describe_status, last_lines, run_process


def adapting_steps(request: BenchmarkRequest, plan: Plan) -> dict[str, Step]:
    """Return the commands that are still needed, by the model's key."""
    return {
        model.key: _step(request, model, target)
        for model in plan.models
        if model.start.source is WeightSource.ADAPTED
        and (target := model.pretrained(request.out)) is not None
        and not target.is_file()
    }


def adapt(request: BenchmarkRequest, model: str, step: Step) -> str:
    """Run one of the commands; return what went wrong, with the log's path, or nothing."""
    log = request.out / "jobs" / model / "adapt.log"
    Path(step.command[4]).parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        status = run_process(step, log)
    except CIPAError as error:
        return str(error)
    if not status:
        return ""
    told = " | ".join(last_lines(log, 1))
    return f"weights adapt for {model} ended with {describe_status(status)}; see {log}, its end: {told}"


def _step(request: BenchmarkRequest, model: PlannedModel, target: Path) -> Step:
    words = ["nnunet-cipa", "weights", "adapt", str(model.start.file), str(target)]
    words += ["--dataset-id", str(request.dataset.dataset_id), "--trainer", model.trainer]
    words += ["--plans", model.plans, "--configuration", model.configuration]
    return Step(f"adapt {model.key}", tuple(words), job_variables(request, model))
