"""``nnunet-cipa benchmark report``."""

import argparse
import shlex
import sys
from pathlib import Path

from nnunet_cipa.errors import CIPAError

MEASURES = (
    "dice", "iou", "sensitivity", "precision", "hd95_mm", "surface_mm", "nsd", "centroid_mm", "volume_error_ml",
    "relative_volume_error", "excess_ml", "lesion_f1", "false_positive_ml", "false_negative_ml", "dice_ends",
    "dice_between",
)  # fmt: skip


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommand to those of ``benchmark``."""
    parser = subparsers.add_parser(
        "report",
        parents=[common],
        help="score and compare trained models, and write a page",
        description="Score the validation cases of all folds, check that nothing is missing, doubled or leaked, test "
        "the models against each other, and write one page that opens offline, with Markdown, CSV and JSON beside it.",
    )
    parser.add_argument("dataset", metavar="DATASET", help="number or whole name, as in 701 or Dataset701_PCLT20K")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder of the report")
    parser.add_argument(
        "--trainers", nargs="+", default=[], metavar="NAME",
        help="which models: trainers, or folders TRAINER__PLANS__CONFIGURATION (default: all of the benchmark)",
    )  # fmt: skip
    parser.add_argument(
        "--benchmark", type=Path, metavar="DIR",
        help="folder of 'benchmark run' (default: $nnUNet_results/benchmarks/DATASET if there is one, else the models "
        "that --trainers names in nnUNet_results)",
    )  # fmt: skip
    parser.add_argument("--folds", nargs="+", type=_natural, default=[], metavar="N", help="default: all that were run")
    parser.add_argument(
        "--tolerance", type=float, default=2.0, metavar="MM", help="of the surface Dice (default: %(default)s)"
    )
    parser.add_argument(
        "--measures", nargs="+", choices=MEASURES, default=("dice", "nsd", "hd95_mm"), metavar="NAME",
        help="that are tested between models, of %(choices)s (default: dice nsd hd95_mm)",
    )  # fmt: skip
    parser.add_argument(
        "--resamples", type=_positive, default=9999, metavar="N", help="of the bootstrap (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=_natural, default=12345, metavar="N", help="of the bootstrap (default: %(default)s)"
    )
    parser.add_argument("--processes", type=_positive, metavar="N", help="default: CPU cores, at most 8")
    parser.add_argument("--no-audit", action="store_true", help="do not compare the voxels of all images")
    parser.set_defaults(run=_run)


def _natural(text: str, least: int = 0) -> int:
    value = int(text)
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is below {least}")
    return value


def _positive(text: str) -> int:
    return _natural(text, 1)


def _run(args: argparse.Namespace) -> None:
    from nnunet_cipa.benchmark.report import Request, make_report  # noqa: PLC0415 - as above
    from nnunet_cipa.benchmark.report.models import find_models, find_splits, raw_dataset  # noqa: PLC0415 - as above
    from nnunet_cipa.evaluation import Settings  # noqa: PLC0415 - as above
    from nnunet_cipa.processes.workers import default_processes  # noqa: PLC0415 - slow imports

    if args.out.exists():
        raise CIPAError(f"{args.out}: exists; remove it or choose another folder for the report")
    dataset = raw_dataset(args.dataset)
    models, record = find_models(dataset.name, args.trainers, args.benchmark)
    request = Request(
        dataset=dataset,
        splits=find_splits(dataset),
        models=models,
        folds=tuple(args.folds) or (record.folds if record else ()),
        tolerance_mm=args.tolerance,
        settings=Settings(args.resamples, args.seed, tuple(args.measures)),
        processes=args.processes or default_processes(),
        audit=not args.no_audit,
        record=record,
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    )
    print(make_report(request, args.out))
