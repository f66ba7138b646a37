"""Runs jobs on a cluster, by submitit."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cipa.benchmark.plan.jobs import Job
from nnunet_cipa.benchmark.plan.options import SLURM_DEFAULTS
from nnunet_cipa.benchmark.run.execute import Result, run_to_the_end
from nnunet_cipa.benchmark.run.record import doctor_facts
from nnunet_cipa.benchmark.run.threads import thread_variables
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object, write_json

if TYPE_CHECKING:
    import submitit

_POLL = 2.0
_OTHER_GPUS = {"gres", "gpus", "gpus_per_task"}  # other ways to ask for GPUs
_OWN = {"job_name", "array_parallelism", "additional_parameters", "nodes", "ntasks_per_node"}


@dataclass(frozen=True)
class Cluster:
    """How jobs are submitted.

    Attributes
    ----------
    options : dict
        Options of sbatch by their long names, such as partition and mem; time is in minutes.
    parallel : int or None
        Jobs at a time; by default as many as the cluster lets.
    device : str
        As after nnU-Net's ``-device``.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    parallel: int | None = None
    device: str = "cuda"

    @property
    def gpus(self) -> int:
        """GPUs of a job."""
        return int(self.options.get("gpus_per_node", SLURM_DEFAULTS["gpus_per_node"]))


@dataclass(frozen=True)
class FoldTask:
    """What runs on a node: one job, to its end; after a time-out or preemption Slurm queues it again to continue.

    Attributes
    ----------
    device : str
        As after nnU-Net's ``-device``.
    """

    device: str

    def __call__(self, job: Job) -> str:
        """Run the job and return what went wrong, empty if nothing."""
        return run_to_the_end(job, thread_variables(self.device), doctor_facts()).problem

    def checkpoint(self, job: Job) -> Any:
        """Return what to queue again: the same job, which goes on where its checkpoint is."""
        from submitit.helpers import DelayedSubmission  # noqa: PLC0415 - an optional dependency

        return DelayedSubmission(self, job)


def parse_options(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``KEY=VALUE``; a hyphen in KEY is as good as an underscore.

    Raises
    ------
    CIPAError
        If one has no such form, is set by the benchmark, or time is not in minutes.
    """
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name = key.strip("-").replace("-", "_")
        if not equals or not name.isidentifier():
            raise CIPAError(
                f"--slurm {pair}: is not a KEY=VALUE with an option of sbatch; write it as in partition=gpu"
            )
        if name in _OWN:
            raise CIPAError(
                f"--slurm {pair}: {name} is set by the benchmark; leave it out (--jobs says how many run at a time)"
            )
        if name in SLURM_DEFAULTS and not value.isdecimal():
            raise CIPAError(
                f"--slurm {pair}: {name} has to be a whole number (time is in minutes); write it as in "
                f"{name}={SLURM_DEFAULTS[name]}"
            )
        options[name] = value
    return options


def submit(jobs: list[Job], out: Path, cluster: Cluster) -> dict[Job, "submitit.Job[str]"]:
    """Submit jobs, but for those that an earlier run has in the queue, which are taken up.

    Raises
    ------
    CIPAError
        If submitit is not installed or there is no Slurm.
    """
    executor = _executor(out, cluster)
    submitted: dict[Job, submitit.Job[str]] = {}
    for job in jobs:
        queued = _find_queued(out, job)
        if queued is not None:
            submitted[job] = queued
    new = [job for job in jobs if job not in submitted]
    if new:
        with executor.batch():
            handles = [executor.submit(FoldTask(cluster.device), job) for job in new]
        for job, handle in zip(new, handles, strict=True):
            write_json(_queue_file(job), {"job_id": handle.job_id})
            submitted[job] = handle
    return {job: submitted[job] for job in jobs}


def wait(submitted: Mapping[Job, "submitit.Job[str]"], ended: Callable[[Result], None]) -> list[Result]:
    """Wait for submitted jobs; they are cancelled if this is interrupted.

    Parameters
    ----------
    submitted : dict
        As ``submit`` returns.
    ended : callable
        Told of each job.
    """
    waiting = dict(submitted)
    results = []
    try:
        while waiting:
            for job, handle in list(waiting.items()):
                if handle.done():
                    del waiting[job]
                    _queue_file(job).unlink(missing_ok=True)
                    results.append(Result(job, _problem(job, handle)))
                    ended(results[-1])
            if waiting:
                time.sleep(_POLL)
    except BaseException:
        for handle in waiting.values():
            handle.cancel()
        raise
    return results


def _problem(job: Job, handle: "submitit.Job[str]") -> str:
    """Return what went wrong, also where no result came back."""
    error = handle.exception()
    if error is None:
        return str(handle.result())
    where = f"{handle.paths.stderr} and {job.log}"
    return f"{job.name}: Slurm job {handle.job_id} ended as {handle.state}, without a result; see {where}"


def _executor(out: Path, cluster: Cluster) -> "submitit.AutoExecutor":
    try:
        import submitit  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise CIPAError("--executor slurm: needs submitit; pip install 'nnunet-cipa[slurm]'") from error
    try:
        executor = submitit.AutoExecutor(out / "slurm", cluster="slurm")
    except RuntimeError as error:
        raise CIPAError(f"--executor slurm: {error}; run it where sbatch and srun are") from error
    known = set(submitit.SlurmExecutor._valid_parameters()) - _OWN  # noqa: SLF001 - its only list of them
    options = {**SLURM_DEFAULTS, **cluster.options}
    if cluster.options.keys() & _OTHER_GPUS:
        del options["gpus_per_node"]
    for name in options.keys() & SLURM_DEFAULTS.keys():
        options[name] = int(options[name])
    settings = {f"slurm_{name}": value for name, value in options.items() if name in known}
    others = {name.replace("_", "-"): value for name, value in options.items() if name not in known}
    if cluster.parallel is not None:
        settings["slurm_array_parallelism"] = cluster.parallel
    executor.update_parameters(
        timeout_min=options["time"], slurm_job_name="nnunet_cipa", slurm_additional_parameters=others, **settings
    )
    return executor


def _queue_file(job: Job) -> Path:
    return job.records / f"fold_{job.fold}.slurm.json"


def _find_queued(out: Path, job: Job) -> "submitit.Job[str] | None":
    """Return the Slurm job of an earlier run that has not ended, if there is one."""
    path = _queue_file(job)
    if not path.is_file():
        return None
    from submitit import SlurmJob  # noqa: PLC0415 - an optional dependency

    remedy = "remove it, after a look at squeue"
    job_id = read_object(path, remedy).get("job_id")
    if not isinstance(job_id, str):
        raise CIPAError(f"{path}: names no job of Slurm; {remedy}")
    queued: submitit.Job[str] = SlurmJob(folder=out / "slurm", job_id=job_id)
    return None if queued.done() else queued
