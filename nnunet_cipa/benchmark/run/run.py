"""``nnunet-cipa benchmark run``: from a request to trained and validated folds."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.benchmark.plan.jobs import Action, Job
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest, Plan, make_plan
from nnunet_cipa.benchmark.run.adapt import adapt, adapting_steps
from nnunet_cipa.benchmark.run.execute import Result
from nnunet_cipa.benchmark.run.local import LocalRun
from nnunet_cipa.benchmark.run.overview import Progress, overview
from nnunet_cipa.benchmark.run.record import begin_record, check_record, doctor_facts, end_record
from nnunet_cipa.benchmark.run.slurm import Cluster, submit, wait
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.locks import alone
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.processes.commands import Step, describe_status, last_lines, run_process

LOCK = ".nnunet_cipa.lock"


@dataclass(frozen=True)
class Execution:
    """Where jobs run.

    Attributes
    ----------
    slots : sequence of dict
        On this machine: the variables of the jobs that run at a time.
    cluster : Cluster or None
        A cluster instead.
    wait : bool
        Wait for the cluster.
    plan_data : bool
        Plan and preprocess what is missing.
    """

    slots: Sequence[Mapping[str, str]] = ({},)
    cluster: Cluster | None = None
    wait: bool = True
    plan_data: bool = False


def run_benchmark(request: BenchmarkRequest, execution: Execution) -> None:
    """Train and validate all folds of all models, but for what is done.

    Raises
    ------
    CIPAError
        If the request cannot be met, another run is at work in its folder, or a job failed; the others are run, and a
        line for each failed one is on stderr.
    """
    with _only_run(request.out):
        _prepare_data(request, execution.plan_data)
        plan = make_plan(request)
        check_record(request, plan)
        machine = doctor_facts()
        record = begin_record(request, plan, machine)
        for line in overview(request, plan):
            print(line, flush=True)
        for variant in {model.variant for model in plan.models}:
            variant.write(request.out / "trainers")
        jobs = [job for job in plan.jobs if job.next_action() is not Action.NONE]
        failed = _adapt(request, plan, jobs)
        results = [Result(job, failed[job.model]) for job in jobs if job.model in failed]
        jobs = [job for job in jobs if job.model not in failed]
        if execution.cluster is None:
            with Progress(len(jobs)) as progress:
                run = LocalRun(execution.slots, machine, started=progress.started, ended=progress.ended)
                results += run.run(jobs)
        else:
            results += _run_on_cluster(request, execution, execution.cluster, jobs)
        end_record(request, record)
    _tell_failures(results, len(plan.jobs))


def dry_run(request: BenchmarkRequest, execution: Execution) -> Iterator[str]:
    """Return what ``run_benchmark`` would run, as typed in a shell; nothing is written.

    Raises
    ------
    CIPAError
        If the request cannot be met.
    """
    planning = _planning_steps(request)
    if planning and not execution.plan_data:
        raise _not_planned(request, planning)
    if planning:
        yield "# the commands of the training follow once the data set is planned"
        yield from (step.line for step in planning)
        return
    plan = make_plan(request)
    check_record(request, plan)
    yield from (f"# {line}" for line in overview(request, plan))
    if request.budget is not None or request.seeds:
        yield f"# a benchmark that runs writes its trainers to {request.out / 'trainers'}"
    yield from (step.line for step in adapting_steps(request, plan).values())
    for index, job in enumerate(plan.jobs):
        action = job.next_action()
        if action is Action.NONE:
            yield f"# done: {job.name}"
            continue
        slot = {} if execution.cluster is not None else execution.slots[index % len(execution.slots)]
        step = job.step(action)
        yield Step(step.name, step.command, {**slot, **step.variables}).line


@contextmanager
def _only_run(out: Path) -> Iterator[None]:
    out.mkdir(parents=True, exist_ok=True)
    refusal = f"{out}: another benchmark run is at work here; wait for it to end, or give another folder as --out"
    with alone(out / LOCK, refusal):
        yield


def _planning_steps(request: BenchmarkRequest) -> list[Step]:
    return [
        step
        for plans in request.plans
        for step in request.dataset.planning_steps(plans, request.configurations, request.folds)
    ]


def _not_planned(request: BenchmarkRequest, steps: Iterable[Step]) -> CIPAError:
    commands = "; ".join(step.line for step in steps)
    return CIPAError(f"{request.dataset.name}: is not planned and preprocessed; run {commands}; or give --plan")


def _prepare_data(request: BenchmarkRequest, plan_data: bool) -> None:
    steps = _planning_steps(request)
    if steps and not plan_data:
        raise _not_planned(request, steps)
    for step in steps:
        log = request.out / "jobs" / f"{step.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        print(f"$ {step.line}", flush=True)
        status = run_process(step, log)
        if status:
            told = " | ".join(last_lines(log, 3))
            raise CIPAError(f"{step.line}: ended with {describe_status(status)}; see {log}, its end: {told}")
    if steps and _planning_steps(request):
        raise CIPAError(
            f"{request.dataset.name}: is not planned and preprocessed, though {'; '.join(step.line for step in steps)} "
            f"ended without an error; take cases out of {request.dataset.preprocessed / SPLITS} that the data set does "
            f"not have, or see the logs in {request.out / 'jobs'}"
        )


def _adapt(request: BenchmarkRequest, plan: Plan, jobs: Iterable[Job]) -> dict[str, str]:
    """Adapt checkpoints; return what went wrong, by the model's key."""
    needed = {job.model for job in jobs}
    failed = {}
    for model, step in adapting_steps(request, plan).items():
        if model in needed and (problem := adapt(request, model, step)):
            failed[model] = problem
    return failed


def _run_on_cluster(request: BenchmarkRequest, execution: Execution, cluster: Cluster, jobs: list[Job]) -> list[Result]:
    submitted = submit(jobs, request.out, cluster) if jobs else {}
    for job, handle in submitted.items():
        print(f"{job.name}: Slurm job {handle.job_id}", flush=True)
    if not execution.wait:
        return []
    with Progress(len(submitted)) as progress:
        return wait(submitted, progress.ended)


def _tell_failures(results: Iterable[Result], count: int) -> None:
    failures = [result.problem for result in results if result.problem]
    for problem in failures:
        print(f"nnunet-cipa: failed: {' '.join(problem.split())}", file=sys.stderr)
    if failures:
        raise CIPAError(f"{len(failures)} of {count} jobs failed; the same command runs these again and no other")
