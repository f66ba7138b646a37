"""``nnunet-cipa benchmark``."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cipa.benchmark.presets import PRESETS
from nnunet_cipa.cli import benchmark_report
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.folders import RESULTS, nnunet_folder

if TYPE_CHECKING:
    from nnunet_cipa.benchmark.plan import Request
    from nnunet_cipa.benchmark.run import Execution

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def register(subparsers: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser = subparsers.add_parser("benchmark", help="compare trainers by cross-validation")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _register_run(actions, common)
    benchmark_report.register(actions, common)


def _register_run(actions: "Subparsers[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    presets = "; ".join(f"{name}: {preset.purpose}" for name, preset in PRESETS.items())
    parser = actions.add_parser(
        "run",
        parents=[common],
        help="train and validate several trainers on the same folds",
        description="Train and validate several trainers on the same folds at the same number of iterations, each fold "
        "by nnUNetv2_train. The same command goes on where it was stopped. Ends with status 1 if a job failed.",
        epilog=f"Presets: {presets}.",
    )
    parser.add_argument("dataset", metavar="DATASET", help="number or whole name, as in 701 or Dataset701_PCLT20K")
    _add_comparison(parser)
    _add_execution(parser)
    parser.set_defaults(run=_run, parser=parser)


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is compared")
    what.add_argument(
        "--trainers", nargs="+", default=[], metavar="NAME[:CHECKPOINT]",
        help="trainers as after -tr, nnU-Net's own too; with a file to start from as by -pretrained_weights",
    )  # fmt: skip
    what.add_argument("--preset", choices=tuple(PRESETS), metavar="NAME", help="one of %(choices)s; see below")
    what.add_argument(
        "--gtv-checkpoint", type=Path, metavar="FILE", help="of a training on GTV, for the presets that start from it"
    )
    what.add_argument(
        "--adapt",
        action="store_true",
        help="bring each CHECKPOINT by weights adapt to the training that starts from it",
    )
    what.add_argument(
        "--folds", nargs="+", type=_natural, default=[0, 1, 2, 3, 4], metavar="N", help="default: 0 1 2 3 4"
    )
    what.add_argument("--configurations", nargs="+", default=["2d"], metavar="NAME", help="default: 2d")
    what.add_argument(
        "--plans", nargs="+", default=["nnUNetPlans"], metavar="NAME",
        help="for trainers with the network of the plans; CIPA takes the first (default: nnUNetPlans)",
    )  # fmt: skip
    what.add_argument(
        "--epochs",
        default="218",
        metavar="N",
        help="of every trainer, or 'own' for each its own (default: %(default)s)",
    )
    what.add_argument(
        "--seeds", nargs="+", type=_seed, default=[], metavar="N",
        help="train each trainer once with each of these seeds, nnU-Net's own too (default: NNUNET_CIPA_SEED, if set)",
    )  # fmt: skip
    what.add_argument(
        "--iterations", type=_positive, default=250, metavar="N", help="of an epoch (default: %(default)s)"
    )


def _add_execution(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("where and how it runs")
    how.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder of the benchmark (default: $nnUNet_results/benchmarks/DATASET)",
    )  # fmt: skip
    how.add_argument("--jobs", type=_positive, metavar="N", help="jobs at a time (default: one, or one for each GPU)")
    how.add_argument("--gpus", nargs="+", default=[], metavar="ID", help="GPUs that take turns, one for each job")
    how.add_argument("--device", choices=("cuda", "cpu", "mps"), default="cuda", help="default: %(default)s")
    how.add_argument("--plan", action="store_true", help="plan and preprocess what is missing")
    how.add_argument("--executor", choices=("local", "slurm"), default="local", help="default: %(default)s")
    how.add_argument(
        "--slurm", nargs="+", default=[], metavar="KEY=VALUE",
        help="options of sbatch, as in partition=gpu time=1440 mem=64GB; time is in minutes (default: time=2880 "
        "cpus_per_task=8 gpus_per_node=1)",
    )  # fmt: skip
    how.add_argument("--no-wait", action="store_true", help="leave the jobs to Slurm once they are submitted")
    how.add_argument("--dry-run", action="store_true", help="print the commands and run nothing")


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _seed(text: str) -> int:
    value = _natural(text)
    if value >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is above 4294967295")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _run(args: argparse.Namespace) -> None:
    _check(args)
    from nnunet_cipa.benchmark.run import dry_run, run_benchmark  # noqa: PLC0415 - torch takes seconds to import

    request, execution = _read(args)
    if args.dry_run:
        for line in dry_run(request, execution):
            print(line)
        return
    run_benchmark(request, execution)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that say nothing together; ends the program with status 2."""
    problem = ""
    if not args.trainers and args.preset is None:
        problem = "give --trainers, --preset or both"
    elif args.gpus and (args.device != "cuda" or args.executor == "slurm"):
        problem = "--gpus is for --device cuda on this machine"
    elif args.executor == "local" and (args.slurm or args.no_wait):
        problem = "--slurm and --no-wait are for --executor slurm"
    elif args.epochs != "own" and not (args.epochs.isdecimal() and int(args.epochs) > 0):
        problem = f"--epochs {args.epochs}: is neither a number above 0 nor 'own'"
    if problem:
        args.parser.error(problem)


def _read(args: argparse.Namespace) -> "tuple[Request, Execution]":
    from nnunet_cipa.benchmark.budget import Budget  # noqa: PLC0415 - torch takes seconds to import
    from nnunet_cipa.benchmark.entries import parse_entry  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.local import make_slots  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.plan import Request  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.presets import preset_entries  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.run import Execution  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.slurm import Cluster, parse_options  # noqa: PLC0415 - as above
    from nnunet_cipa.nnunet.dataset import Dataset  # noqa: PLC0415 - as above

    dataset = Dataset.find(args.dataset)
    entries = [] if args.preset is None else preset_entries(args.preset, args.gtv_checkpoint)
    entries += [parse_entry(text, adapt=args.adapt) for text in args.trainers]
    options = ({} if args.device == "cuda" else {"gpus_per_node": "0"}) | parse_options(args.slurm)
    cluster = Cluster(options, args.jobs) if args.executor == "slurm" else None
    out = args.out or nnunet_folder(RESULTS) / "benchmarks" / dataset.name
    if out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file; give a folder as --out")
    request = Request(
        dataset=dataset,
        out=Path(os.path.abspath(out)),  # noqa: PTH100 - no link is followed: a cluster may see another path
        entries=tuple(entries),
        folds=tuple(dict.fromkeys(args.folds)),
        plans=tuple(dict.fromkeys(args.plans)),
        configurations=tuple(dict.fromkeys(args.configurations)),
        budget=None if args.epochs == "own" else Budget(int(args.epochs), args.iterations),
        seeds=tuple(dict.fromkeys(args.seeds)),
        device=args.device,
        num_gpus=1 if cluster is None else cluster.gpus,
    )
    return request, Execution(make_slots(args.jobs, args.gpus), cluster, not args.no_wait, args.plan)
