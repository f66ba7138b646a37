"""``nnunet-cipa benchmark``."""

import shlex
import sys
from pathlib import Path

from nnunet_cipa.benchmark import report as reporting
from nnunet_cipa.benchmark.plan.options import ComparisonOptions, PlacementOptions, check_options
from nnunet_cipa.benchmark.plan.preset_tables import PRESETS
from nnunet_cipa.benchmark.report.options import ReportOptions
from nnunet_cipa.cli.command import Command, Group


def run(dataset: str, compared: ComparisonOptions, placed: PlacementOptions) -> None:
    """Train and validate several trainers on the same folds at the same number of iterations.

    Each fold is trained by nnUNetv2_train. The same command goes on where it was stopped. Ends with status 1 if a job
    failed.

    Parameters
    ----------
    dataset
        Number or whole name, as in 701 or Dataset701_PCLT20K.
    """
    check_options(compared, placed)
    from nnunet_cipa.benchmark.request import resolve_benchmark  # noqa: PLC0415 - torch takes seconds to import
    from nnunet_cipa.benchmark.run.run import dry_run, run_benchmark  # noqa: PLC0415 - as above

    request, execution = resolve_benchmark(dataset, compared, placed)
    if placed.dry_run:
        for line in dry_run(request, execution):
            print(line)
        return
    run_benchmark(request, execution)


def report(dataset: str, options: ReportOptions) -> None:
    """Score and compare trained models, and write a page.

    The validation cases of all folds are scored; nothing may be missing, doubled or leaked; the models are tested
    against each other. The page opens offline, with Markdown, CSV and JSON beside it.

    Parameters
    ----------
    dataset
        Number or whole name, as in 701 or Dataset701_PCLT20K.
    """
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    print(reporting.make_report(reporting.resolve_report(dataset, options, command), options.out))


COMMAND = Group(
    "benchmark",
    "compare trainers by cross-validation",
    "ACTION",
    (
        Command(
            "run",
            "train and validate several trainers on the same folds",
            run,
            f"Presets: {'; '.join(f'{name}: {preset.purpose}' for name, preset in PRESETS.items())}.",
        ),
        Command("report", "score and compare trained models, and write a page", report),
    ),
)
