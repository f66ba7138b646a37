"""From what the user asks for to models and jobs."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, existing_file
from nnunet_cipa.benchmark.plan.jobs import Job
from nnunet_cipa.benchmark.plan.models import PlannedModel, Start
from nnunet_cipa.benchmark.plan.options import ComparisonOptions, PlacementOptions
from nnunet_cipa.benchmark.plan.variants import TrainerVariant
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.nnunet.dataset import Dataset
from nnunet_cipa.nnunet.folders import trainer_folders
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE, encoder_file
from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE, SeededTraining, read_seed
from nnunet_cipa.trainers.target import brings_network, find_trainer, plan_training


@dataclass(frozen=True)
class BenchmarkRequest:
    """What to compare.

    Attributes
    ----------
    dataset : Dataset
        The data set, planned.
    out : Path
        The benchmark's folder, absolute.
    entries : tuple of Entry
        Trainers.
    folds : tuple of int
        Folds of splits_final.json.
    plans, configurations : tuple of str
        nnU-Net's names. A trainer of CIPA brings its network and takes the first plans alone.
    budget : Budget or None
        The same for every trainer; None leaves each its own length.
    seeds : tuple of int
        Every trainer is trained once with each; none leaves it to ``NNUNET_CIPA_SEED``, which trainers that know it
        take, and the others not.
    probabilities : bool
        Save the probabilities of the validation cases.
    device : str
        As after ``-device``.
    num_gpus : int
        GPUs of a job.
    """

    dataset: Dataset
    out: Path
    entries: tuple[Entry, ...]
    folds: tuple[int, ...] = ComparisonOptions.folds
    plans: tuple[str, ...] = ComparisonOptions.plans
    configurations: tuple[str, ...] = ComparisonOptions.configurations
    budget: Budget | None = Budget()  # noqa: RUF009 - it is frozen
    seeds: tuple[int, ...] = ()
    probabilities: bool = False
    device: str = PlacementOptions.device
    num_gpus: int = 1


@dataclass(frozen=True)
class Plan:
    """The models of a benchmark, its jobs in their order, and what was left out and why."""

    models: tuple[PlannedModel, ...]
    jobs: tuple[Job, ...]
    notes: tuple[str, ...]


def make_plan(request: BenchmarkRequest) -> Plan:
    """Resolve a request to models and jobs: fold by fold, and in a fold model by model.

    Raises
    ------
    CIPAError
        If a fold, trainer, file or configuration is missing, or a trainer can be trained on none of the configurations.
    """
    request.dataset.check_folds(request.folds)
    models: dict[str, PlannedModel] = {}
    notes: list[str] = []
    for entry in request.entries:
        for model in _models_of(request, entry, notes):
            models.setdefault(model.key, model)
    told_apart = _tell_apart(models.values())
    jobs = [_job(request, model, fold) for fold in request.folds for model in told_apart]
    return Plan(told_apart, tuple(jobs), tuple(notes))


def _tell_apart(models: Iterable[PlannedModel]) -> tuple[PlannedModel, ...]:
    """Add the start to titles that several models have."""
    counts = Counter(model.title for model in models)
    return tuple(
        model if counts[model.title] == 1 else replace(model, title=f"{model.title} ({model.start.name or 'new'})")
        for model in models
    )


def _models_of(request: BenchmarkRequest, entry: Entry, notes: list[str]) -> Iterator[PlannedModel]:
    trainer = find_trainer(entry.trainer, "--trainers")
    cipa = brings_network(trainer)
    if cipa and len(request.plans) > 1:
        notes.append(f"{entry.trainer}: brings its own network, so it is trained on {request.plans[0]} alone")
    start = _resolve_start(entry, trainer.encoder_name() if cipa else None)
    refusals: list[NotImplementedError] = []
    plans_of_it = request.plans[:1] if cipa else request.plans
    pairs = [(plans, configuration) for plans in plans_of_it for configuration in request.configurations]
    for plans, configuration in pairs:
        content = request.dataset.read_plans(plans)
        try:
            training = plan_training(trainer, content, configuration, request.dataset.dataset_json)
        except NotImplementedError as error:
            refusals.append(error)
            notes.append(f"{entry.trainer}: left out for {configuration}, as {error}")
            continue
        batch, patch = training.batch_size, training.patch_size
        shown = [plans] if len(plans_of_it) > 1 else []
        shown += [configuration] if len(request.configurations) > 1 else []
        title = ", ".join([entry.title, *shown])
        for seed in request.seeds:
            variant = TrainerVariant(entry.trainer, request.budget, seed)
            yield PlannedModel(f"{title}, seed {seed}", variant, plans, configuration, start, batch, patch, seed)
        if not request.seeds:
            variant = TrainerVariant(entry.trainer, request.budget)
            yield PlannedModel(title, variant, plans, configuration, start, batch, patch, _seed_as_set(trainer, notes))
    if len(refusals) == len(pairs):
        raise CIPAError(f"{entry.trainer}: {refusals[0]}; give a --configurations that it can be trained on")


def _seed_as_set(trainer: type, notes: list[str]) -> int | None:
    """Return the seed that a trainer takes from the caller's variable; what it does with the variable is noted."""
    seed = read_seed()
    if seed is None:
        return None
    if issubclass(trainer, SeededTraining):
        notes.append(f"{trainer.__name__}: seed {seed}, of {SEED_VARIABLE}")
        return seed
    notes.append(f"{trainer.__name__}: does not know {SEED_VARIABLE} and is trained without a seed; give --seeds")
    return None


def _resolve_start(entry: Entry, network: str | None) -> Start:
    """Return what a row starts from; ``network`` is what the file of one of ours is called."""
    source, file = entry.source, entry.checkpoint
    if source in {WeightSource.ENCODER, WeightSource.ADAPTED} and network is None:
        raise CIPAError(
            f"{entry.trainer}: is not a trainer of CIPA, so no weights can be adapted to it; leave out --adapt"
        )
    encoder = None if network is None else encoder_file(network)
    if source is WeightSource.AS_SET:
        source = WeightSource.INITIAL if encoder is None else WeightSource.ENCODER
    if source is WeightSource.ENCODER:
        if encoder is None:
            raise CIPAError(
                f"{entry.title}: starts from an encoder; make a file of VMamba's release by "
                f"'nnunet-cipa weights import' and set {ENCODER_VARIABLE} to it"
            )
        file = existing_file(encoder, ENCODER_VARIABLE)
    return Start(source) if file is None else Start(source, file, file_hash(file))


def _job(request: BenchmarkRequest, model: PlannedModel, fold: int) -> Job:
    out, dataset = request.out, request.dataset
    words = ["nnUNetv2_train", dataset.name, model.configuration, str(fold), "-tr", model.trained_as]
    words += ["-p", model.plans, "-device", request.device, *(["--npz"] if request.probabilities else [])]
    if request.num_gpus > 1:
        words += ["-num_gpus", str(request.num_gpus)]
    pretrained = model.pretrained(out)
    return Job(
        model=model.key,
        fold=fold,
        folder=model.results(out) / dataset.name / model.folder_name / f"fold_{fold}",
        records=out / "jobs" / model.key,
        command=tuple(words),
        first_start=() if pretrained is None else ("-pretrained_weights", str(pretrained)),
        variables=job_variables(request, model),
        seed=model.seed,
        probabilities=request.probabilities,
    )


def job_variables(request: BenchmarkRequest, model: PlannedModel) -> Mapping[str, str]:
    """Return the variables that the jobs of a model need beyond the caller's."""
    encoder = model.start.file if model.start.source is WeightSource.ENCODER else None
    return {
        "nnUNet_results": str(model.results(request.out)),
        "nnUNet_extTrainer": search_path(request.out / "trainers"),
        ENCODER_VARIABLE: "" if encoder is None else str(encoder),
        **({} if model.seed is None or request.seeds else {SEED_VARIABLE: str(model.seed)}),
    }


def search_path(folder: Path) -> str:
    """Return ``nnUNet_extTrainer`` for a benchmark: our trainers, the user's, then those of the benchmark."""
    return os.pathsep.join(dict.fromkeys([str(plugin_path()), *trainer_folders(), str(folder)]))
