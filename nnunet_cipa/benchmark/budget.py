"""Equal budgets: trainers of the same number of iterations, without touching nnU-Net."""

import math
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.atomic import write_text
from nnunet_cipa.errors import CIPAError

_MODULE = '''"""A trainer at the budget of this benchmark; nnU-Net finds it when nnUNet_extTrainer names this folder.

Written by nnunet-cipa benchmark. Training and prediction with it need this file.
"""

import torch
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name


class {name}(recursive_find_trainer_class_by_name("{trainer}")):
    """{trainer} for {epochs} epochs of {iterations} iterations."""

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = {epochs}
        self.num_iterations_per_epoch = {iterations}
        self.num_val_iterations_per_epoch = {val_iterations}
        self.save_every = {save_every}
'''


@dataclass(frozen=True)
class Budget:
    """How long every trainer of a benchmark trains.

    nnU-Net's batch and patch come from the plans, so equal iterations on equal plans are equally many training pixels.
    As in nnU-Net, a fifth as many iterations follow each epoch for its online validation, from which nothing is
    learned. There is a checkpoint to continue from after every twentieth of the training, 50 epochs at most.
    """

    epochs: int = 218
    iterations: int = 250

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.iterations < 1:
            raise CIPAError(
                f"a budget of {self.epochs} epochs of {self.iterations} iterations is none; give both as 1 or more"
            )

    @property
    def total(self) -> int:
        """Iterations in all."""
        return self.epochs * self.iterations

    @property
    def save_every(self) -> int:
        """Epochs between checkpoints, which is what a killed training repeats at most."""
        return min(50, math.ceil(self.epochs / 20))

    def trainer_name(self, trainer: str) -> str:
        """Return the name after ``-tr`` of a trainer at this budget."""
        return f"{trainer}_{self.epochs}x{self.iterations}"

    def write_trainer(self, trainer: str, folder: Path) -> None:
        """Write the trainer at this budget as a module of its own, which nnU-Net finds by ``nnUNet_extTrainer``."""
        name = self.trainer_name(trainer)
        text = _MODULE.format(
            name=name,
            trainer=trainer,
            epochs=self.epochs,
            iterations=self.iterations,
            val_iterations=max(1, self.iterations // 5),
            save_every=self.save_every,
        )
        write_text(folder / f"{name}.py", text)
