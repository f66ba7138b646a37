"""Trainers with the demo's short settings, as modules that nnU-Net finds by nnUNet_extTrainer.

``python -m tests.measurements.short FOLDER TRAINER ...`` writes their nano variants and prints the names.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ShortTrainer:
    """A trainer with the demo's settings for few iterations, and a network of another size.

    Attributes
    ----------
    trainer : str
        As after nnU-Net's ``-tr``.
    variant : str
        Size of its network.
    network : dict
        Further settings of the network.
    fine_tuned : bool
        Whether it has the demo's settings of fine-tuning.
    rate : float or None
        Initial learning rate, if not the demo's.
    slice_rate : float
        Rate of what joins slices over that of the rest.
    batch_dice : bool
        Take Dice of a batch as one, as nnU-Net's plans do in 2D, and not of each slice, as the demo does.
    """

    trainer: str
    variant: str = "nano"
    network: Mapping[str, int] = field(default_factory=dict)
    fine_tuned: bool = False
    rate: float | None = None
    slice_rate: float = 1.0
    batch_dice: bool = False

    @property
    def name(self) -> str:
        """As after ``-tr``."""
        size = self.variant + ("Transfer" if self.fine_tuned else "")
        more = ("" if self.slice_rate == 1 else f"x{self.slice_rate:g}") + ("BatchDice" if self.batch_dice else "")
        return "_".join((self.trainer, size + more, *(f"{name}{value}" for name, value in self.network.items())))

    def write(self, folder: Path) -> str:
        """Write it to a folder, and return its name."""
        base, trainer = "FineTuned" if self.fine_tuned else "Shortened", self.trainer
        settings = ({} if self.rate is None else {"initial_lr": self.rate}) | {"slice_rate": self.slice_rate}
        text = f"""from nnunet_cipa.trainers import {trainer}
from nnunet_cipa.trainers.variants.demo import {base}


class {self.name}({base}, {trainer}):
    architecture = {{**{trainer}.architecture, **{ {"variant": self.variant, **self.network} }}}
    batch_dice = {self.batch_dice}
    settings = {settings}
"""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.py").write_text(text, encoding="utf-8")
        return self.name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trainers", nargs="+", metavar="trainer", help="as nnUNetTrainerCMX")
    given = parser.parse_args()
    for each in given.trainers:
        print(ShortTrainer(each).write(given.folder))
