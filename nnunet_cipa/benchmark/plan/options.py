"""The options of ``benchmark run``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.preset_tables import PRESETS
from nnunet_cipa.options import LARGEST_SEED, Option, UsageError

OWN_LENGTH = "own"
# Options of sbatch that jobs have unless others are given; time is in minutes.
SLURM_DEFAULTS: Mapping[str, Any] = {"time": 2880, "cpus_per_task": 8, "gpus_per_node": 1}
Names = Annotated[tuple[str, ...], Option("NAME")]


@dataclass(frozen=True)
class ComparisonOptions:
    """What is compared.

    Attributes
    ----------
    trainers : tuple of str
        Trainers as after -tr, nnU-Net's own too; with a file to start from as by -pretrained_weights.
    preset : str or None
        A comparison of the papers, as told below.
    only : tuple of str
        Of the preset, the rows of these trainers alone.
    gtv_checkpoint : Path or None
        Checkpoint of a training on GTV, for the presets that start from it.
    source : tuple of str
        Checkpoints of trainings on other data sets that --preset transfer-source compares, such as autoPET=FILE.
    adapt : bool
        Bring each FILE by weights adapt to the training that starts from it.
    folds : tuple of int
        Folds of splits_final.json.
    configurations : tuple of str
        Configurations of the plans.
    plans : tuple of str
        For trainers with the network of the plans; CIPA takes the first.
    epochs : str
        Epochs of every trainer, or 'own' for each its own.
    seeds : tuple of int
        Train each trainer once with each of these seeds, nnU-Net's own too.
    iterations : int
        Iterations of an epoch.
    probabilities : bool
        Save the probabilities of the validation cases too, for their calibration in the report.
    """

    trainers: Annotated[tuple[str, ...], Option("NAME[:FILE]")] = ()
    preset: Annotated[str | None, Option("NAME", choices=lambda: PRESETS)] = None
    only: Annotated[tuple[str, ...], Option("TRAINER", default="all of them")] = ()
    gtv_checkpoint: Annotated[Path | None, Option("FILE")] = None
    source: Annotated[tuple[str, ...], Option("NAME=FILE")] = ()
    adapt: bool = False
    folds: Annotated[tuple[int, ...], Option("N", least=0)] = (0, 1, 2, 3, 4)
    configurations: Names = ("2d",)
    plans: Names = ("nnUNetPlans",)
    epochs: Annotated[str, Option("N")] = str(Budget.epochs)
    seeds: Annotated[tuple[int, ...], Option("N", least=0, most=LARGEST_SEED, default="NNUNET_CIPA_SEED, if set")] = ()
    iterations: Annotated[int, Option("N", least=1)] = Budget.iterations
    probabilities: bool = False

    @property
    def budget(self) -> Budget | None:
        """The length that is the same for every trainer, if there is one."""
        return None if self.epochs == OWN_LENGTH else Budget(int(self.epochs), self.iterations)


@dataclass(frozen=True)
class PlacementOptions:
    """Where and how it runs.

    Attributes
    ----------
    out : Path or None
        Folder of the benchmark.
    jobs : int or None
        Jobs at a time.
    gpus : tuple of str
        GPUs that take turns, one for each job.
    device : str
        Device of the jobs, as after nnU-Net's -device.
    plan : bool
        Plan and preprocess what is missing.
    executor : str
        Run the jobs on this machine or on a cluster.
    slurm : tuple of str
        Options of sbatch, as in partition=gpu time=1440 mem=64GB; time is in minutes.
    wait : bool
        Wait for the jobs on the cluster, or leave them to Slurm once they are submitted.
    dry_run : bool
        Print the commands and run nothing.
    """

    out: Annotated[Path | None, Option("DIR", default="$nnUNet_results/benchmarks/DATASET")] = None
    jobs: Annotated[int | None, Option("N", least=1, default="one, or one for each GPU")] = None
    gpus: Annotated[tuple[str, ...], Option("ID")] = ()
    device: Literal["cuda", "cpu", "mps"] = "cuda"
    plan: bool = False
    executor: Literal["local", "slurm"] = "local"
    slurm: Annotated[
        tuple[str, ...],
        Option("KEY=VALUE", default=" ".join(f"{key}={value}" for key, value in SLURM_DEFAULTS.items())),
    ] = ()
    wait: bool = True
    dry_run: bool = False


def named_sources(given: tuple[str, ...]) -> dict[str, Path]:
    """Return the names and files of ``--source``.

    Raises
    ------
    UsageError
        If one is not NAME=FILE, or a name is given twice.
    """
    found: dict[str, Path] = {}
    for text in given:
        name, _, path = text.partition("=")
        if not name or not path:
            raise UsageError(f"--source {text}: is not NAME=FILE; give it as in autoPET=checkpoint_final.pth")
        if name in found or name == "GTV":
            raise UsageError(f"--source {text}: {name} names another source too; give each a name of its own")
        found[name] = Path(path)
    return found


def check_options(compared: ComparisonOptions, placed: PlacementOptions) -> None:
    """Refuse options that say nothing together.

    Raises
    ------
    UsageError
        For the first of them.
    """
    for problem in _problems(compared, placed):
        raise UsageError(problem)


def _problems(compared: ComparisonOptions, placed: PlacementOptions) -> Iterator[str]:
    if not compared.trainers and compared.preset is None:
        yield "give --trainers, --preset or both"
    if placed.gpus and (placed.device != "cuda" or placed.executor == "slurm"):
        yield "--gpus is for --device cuda on this machine"
    if placed.executor == "local" and (placed.slurm or not placed.wait):
        yield "--slurm and --no-wait are for --executor slurm"
    if compared.only and compared.preset is None:
        yield "--only is for --preset"
    if compared.source and compared.preset is None:
        yield "--source is for --preset transfer-source"
    epochs = compared.epochs
    if epochs != OWN_LENGTH and not (epochs.isdecimal() and int(epochs) > 0):
        yield f"--epochs {epochs}: is neither a number above 0 nor '{OWN_LENGTH}'"
