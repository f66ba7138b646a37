"""From GTV to IGTV: the four rows of the IGTV paper's ablation, on phantoms."""

import math
from pathlib import Path

from nnunet_cipa.benchmark.plan.variants import TrainerVariant
from nnunet_cipa.demo.catalogue import ROWS, AblationRow
from nnunet_cipa.demo.judge import mean_dice
from nnunet_cipa.demo.layout import Demo, DemoTraining, step
from nnunet_cipa.evaluation import dice_by_position, false_positive_ml, read_mask
from nnunet_cipa.nnunet.cases import find_cases
from nnunet_cipa.nnunet.summary import read_dice
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.processes.commands import Step

DATASET = "Dataset702_LUCID"
PATIENTS = 20
SLICES = 32
# In mm. The phantom's pixels must be narrower than its slices are apart, or nnU-Net would slice across another axis.
FIELD_OF_VIEW = 502
LEAST_DISTANCE = 4
LONGEST = 180


def row_training(demo: Demo, row: AblationRow) -> DemoTraining:
    """Return the training of a row; each has results of its own, as two rows have the same trainer."""
    folder = demo.out / "rows" / row.name
    return DemoTraining(
        demo, DATASET, TrainerVariant(row.trainer), folder / "nnUNet_results", folder / "predictions", f"{row.name}_",
        _adapted(demo, row) if row.transferred else None,
    )  # fmt: skip


def _adapted(demo: Demo, row: AblationRow) -> Path:
    return demo.out / "rows" / row.name / "pretrained.pth"


def data_steps(demo: Demo) -> tuple[Step, ...]:
    """Return the commands that make, convert and plan the IGTV phantom."""
    size = demo.options.size
    distance = max(LEAST_DISTANCE, math.ceil(FIELD_OF_VIEW / size))
    return demo.data_steps(
        "lucid",
        702,
        ("--organs", "HEART"),
        patients=PATIENTS,
        size=size,
        slices=min(SLICES, LONGEST // distance),
        slice_distance=distance,
        seed=demo.options.seed,
    )


def row_steps(demo: Demo, row: AblationRow) -> tuple[Step, ...]:
    """Return the commands of a row: adapt the GTV checkpoint, train, predict, evaluate."""
    training = row_training(demo, row)
    if not row.transferred:
        return training.steps()
    adapt = step(
        f"{row.name}_adapt", "nnunet-cipa", "weights", "adapt", demo.main.checkpoint, _adapted(demo, row),
        "--dataset-id", training.dataset_id, "--trainer", row.trainer,
    )  # fmt: skip
    return (adapt, *training.steps())


def table(demo: Demo, seconds: dict[str, float]) -> Table:
    """Return the table of the rows that were run, in the paper's order.

    Parameters
    ----------
    demo : Demo
        The demo, its rows complete.
    seconds : dict
        Duration of the training of each row, by its name.
    """
    cells = []
    for name in (name for name in ROWS if name in seconds):
        training = row_training(demo, ROWS[name])
        mean, count = mean_dice(read_dice(training.predictions / "summary.json").values())
        positions, in_heart = [], []
        for case in find_cases(training.raw, "Ts", training.predictions):
            truth, prediction = read_mask(case.truth), read_mask(training.predictions / case.truth.name)
            heart = read_mask(training.raw / "organsTs" / f"{case.name}_HEART.nii.gz")
            positions.append(dice_by_position(truth.array, prediction.array))
            in_heart.append(false_positive_ml(truth, prediction, heart))
        figures = (mean, *(mean_dice(scores)[0] for scores in zip(*positions, strict=True)))
        shown = ("n/a" if math.isnan(figure) else f"{figure:.3f}" for figure in figures)
        false_ml = f"{math.fsum(in_heart) / len(in_heart):.2f}"
        cells.append(
            (
                ROWS[name].title, str(training.budget.total), str(demo.options.seed), str(count), *shown, false_ml,
                f"{seconds[name]:.0f}",
            )
        )  # fmt: skip
    return Table(
        "From GTV to IGTV",
        (
            "training", "iterations", "seed", "cases", "Dice", "Dice, first and last slices", "Dice, slices between",
            "false positives in the heart, ml per case", "training s",
        ),
        cells,
        "The rows of the IGTV paper's ablation on the held-out cases of the IGTV phantom, trained for the same "
        "number of iterations. One run each on a handful of synthetic patients: differences of some hundredths mean "
        "nothing. First and last slices are those of each lesion. The heart takes up the tracer too.",
    )  # fmt: skip
