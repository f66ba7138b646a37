"""From the options of ``benchmark run`` to what it is to do: data set, entries, budget and where jobs run."""

import os
from pathlib import Path

from nnunet_cipa.benchmark.plan.entries import Entry, parse_entry
from nnunet_cipa.benchmark.plan.options import ComparisonOptions, PlacementOptions, check_options, named_sources
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest
from nnunet_cipa.benchmark.plan.presets import preset_entries
from nnunet_cipa.benchmark.run.local import make_slots
from nnunet_cipa.benchmark.run.run import Execution
from nnunet_cipa.benchmark.run.slurm import Cluster, parse_options
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.dataset import Dataset
from nnunet_cipa.nnunet.folders import RESULTS, nnunet_folder


def resolve_benchmark(
    dataset: str, compared: ComparisonOptions, placed: PlacementOptions
) -> tuple[BenchmarkRequest, Execution]:
    """Find what options name.

    Parameters
    ----------
    dataset : str
        Number or whole name of a data set.
    compared : ComparisonOptions
        What is compared.
    placed : PlacementOptions
        Where and how it runs.

    Raises
    ------
    CIPAError
        If something is not there, or the options say nothing together.
    """
    check_options(compared, placed)
    found = Dataset.find(dataset)
    cluster = Cluster(_cluster_options(placed), placed.jobs, placed.device) if placed.executor == "slurm" else None
    request = BenchmarkRequest(
        dataset=found,
        out=_folder(placed.out or nnunet_folder(RESULTS) / "benchmarks" / found.name),
        entries=tuple(_entries(compared)),
        folds=tuple(dict.fromkeys(compared.folds)),
        plans=tuple(dict.fromkeys(compared.plans)),
        configurations=tuple(dict.fromkeys(compared.configurations)),
        budget=compared.budget,
        seeds=tuple(dict.fromkeys(compared.seeds)),
        probabilities=compared.probabilities,
        device=placed.device,
        num_gpus=1 if cluster is None else cluster.gpus,
    )
    slots = make_slots(placed.jobs, placed.gpus, placed.device)
    return request, Execution(slots, cluster, placed.wait, placed.plan)


def _entries(compared: ComparisonOptions) -> list[Entry]:
    sources = named_sources(compared.source)
    named = (
        []
        if compared.preset is None
        else preset_entries(compared.preset, compared.gtv_checkpoint, sources, compared.only)
    )
    return named + [parse_entry(text, adapt=compared.adapt) for text in compared.trainers]


def _cluster_options(placed: PlacementOptions) -> dict[str, str]:
    return ({} if placed.device == "cuda" else {"gpus_per_node": "0"}) | parse_options(placed.slurm)


def _folder(out: Path) -> Path:
    """Return the absolute path of a folder, whether it exists or not."""
    if out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file; give a folder as --out")
    return Path(os.path.abspath(out))  # noqa: PTH100 - no link is followed: a cluster may see another path
