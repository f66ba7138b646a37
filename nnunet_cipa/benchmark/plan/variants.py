"""The trainers that a benchmark writes: others at its budget or with a seed, without touching nnU-Net."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.trainers.robust.seeding import SeededTraining
from nnunet_cipa.trainers.robust.threads import FittingThreads
from nnunet_cipa.trainers.target import find_trainer

_HEAD = '''"""A trainer {purpose} of this benchmark; nnU-Net finds it when nnUNet_extTrainer names this folder.

Written by nnunet-cipa benchmark. Training and prediction with it need this file.
"""

import torch
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
{more_imports}

class {name}({mix_ins}recursive_find_trainer_class_by_name("{trainer}")):
    """{trainer}{how}."""
'''
_SEED = """
    seed = {seed}
"""
_BUDGET = """
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = {budget.epochs}
        self.num_iterations_per_epoch = {budget.iterations}
        self.num_val_iterations_per_epoch = {budget.val_iterations}
        self.save_every = {budget.save_every}
"""


@dataclass(frozen=True)
class TrainerVariant:
    """A trainer as a benchmark trains it.

    Attributes
    ----------
    trainer : str
        The trainer's name in nnU-Net.
    budget : Budget or None
        How long it trains; None leaves it its own length.
    seed : int or None
        Its seed. A trainer that knows none, such as nnU-Net's own, is taught it by ``SeededTraining``, and by
        ``FittingThreads`` how many threads a job has.
    """

    trainer: str
    budget: Budget | None = None
    seed: int | None = None

    @property
    def name(self) -> str:
        """The name after ``-tr``."""
        length = "" if self.budget is None else f"_{self.budget.epochs}x{self.budget.iterations}"
        return f"{self.trainer}{length}" + ("" if self.seed is None else f"_seed{self.seed}")

    def write(self, folder: Path) -> None:
        """Write it as a module that nnU-Net finds by ``nnUNet_extTrainer``, unless it is the trainer itself."""
        if self.name != self.trainer:
            write_text(folder / f"{self.name}.py", "".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        budget, seed = self.budget, self.seed
        trainer = find_trainer(self.trainer)
        wanted = (FittingThreads,) if seed is None else (SeededTraining, FittingThreads)
        mix_ins = [mix_in for mix_in in wanted if not issubclass(trainer, mix_in)]
        imports = [f"from {mix_in.__module__} import {mix_in.__name__}\n" for mix_in in mix_ins]
        length = "" if budget is None else f" for {budget.epochs} epochs of {budget.iterations} iterations"
        yield _HEAD.format(
            purpose="with a seed" if budget is None else "at the budget",
            more_imports="".join(["\n", *imports]) if imports else "",
            name=self.name,
            mix_ins="".join(f"{mix_in.__name__}, " for mix_in in mix_ins),
            trainer=self.trainer,
            how=length + ("" if seed is None else f" with seed {seed}"),
        )
        if seed is not None:
            yield _SEED.format(seed=seed)
        if budget is not None:
            yield _BUDGET.format(budget=budget)
