"""The network beside nnU-Net's own, trained as long on the same cases."""

from collections.abc import Mapping

from nnunet_cipa.demo.judge import mean_dice
from nnunet_cipa.demo.layout import DemoTraining
from nnunet_cipa.nnunet.summary import read_dice
from nnunet_cipa.pages.tables import Table


def comparison(trainings: Mapping[str, DemoTraining], seconds: Mapping[str, float]) -> Table:
    """Return a table with a row for each training on the main job's cases.

    Parameters
    ----------
    trainings : dict
        The trainings by what the table calls their networks; they are complete.
    seconds : dict
        Duration of each step of the demo, by its name.
    """
    rows = []
    for title, training in trainings.items():
        mean, count = mean_dice(read_dice(training.predictions / "summary.json").values())
        length, taken = training.budget.total, seconds[f"{training.name}train"]
        rows.append((title, str(length), str(training.demo.options.seed), str(count), f"{mean:.3f}", f"{taken:.0f}"))
    return Table(
        "Beside nnU-Net's own network",
        ("network", "iterations", "seed", "cases", "Dice", "training s"),
        rows,
        "On the same cases and for the same number of iterations, each with its own batch (nnU-Net's is as planned, "
        "ours at most 8 slices), optimizer and augmentation. One run each: how far a short training brings either, not "
        "which is better.",
    )
