"""Trains rows with ``nnunet-cipa benchmark run``, which goes on where it was stopped, and finds what was trained."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from nnunet_cipa.benchmark.report.models import read_record
from nnunet_cipa.benchmark.run.layout import RECORD
from nnunet_cipa.demo.layout import step
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.processes.commands import Step
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.rows import SOURCE_ROW, Row
from tests.measurements.evidence.targets import SOURCE, Target

NNUNET_TRAINERS = Path(__file__).with_name("nnunet_trainers")


@dataclass(frozen=True)
class Trained:
    """A trained and validated row: its fold's folder, and what the benchmark's record says of the model."""

    fold: Path
    facts: dict[str, Any]

    @property
    def is_done(self) -> bool:
        """Return whether its held-out cases were predicted."""
        return (self.fold / "validation" / "summary.json").is_file()


@dataclass(frozen=True)
class Trainings:
    """The trainings of all rows.

    Attributes
    ----------
    phantoms : Phantoms
        What they are trained on.
    device : str
        As after nnU-Net's ``-device``.
    jobs : int
        Trainings at a time.
    """

    phantoms: Phantoms
    device: str = "cpu"
    jobs: int = 1

    def run(self, rows: Sequence[Row], seed: int) -> None:
        """Train rows with a seed, and before them the source if one starts from it.

        Raises
        ------
        CIPAError
            If one fails; the same call goes on.
        """
        given, runner = self.phantoms.settings, self.phantoms.runner()
        if any(row.transferred for row in rows):
            named = [self._named(SOURCE_ROW, seed)]
            runner.run(self._step("source", SOURCE, self._source, named, seed, "--epochs", given.epochs))
        for (target, plans, configuration, lengths), group in groupby(sorted(rows, key=_planned), _planned):
            named = [self._named(row, seed) for row in group]
            more = ("--plans", plans, "--configurations", configuration, "--adapt", "--plan")
            out = self._benchmark(target, lengths)
            runner.run(self._step("rows", target, out, named, seed, *more, "--epochs", lengths * given.epochs))

    def find(self, row: Row, seed: int) -> Trained | None:
        """Return the training of a row, or None if it was not begun."""
        models = self._models(self._benchmark(row.target, row.lengths), row.target.fold)
        trainer = row.trained_as(self.phantoms.settings)
        return next((found for found in models if _is(found.facts, row, trainer, seed)), None)

    @property
    def _source(self) -> Path:
        return self.phantoms.demo.out / "source"

    def _benchmark(self, target: Target, lengths: int) -> Path:
        """Return the folder of what is trained alike; a benchmark has one length."""
        return self.phantoms.demo.out / (f"benchmark_{target.roi}" + (f"_{lengths}x" if lengths > 1 else ""))

    def _named(self, row: Row, seed: int) -> str:
        """Return a row for ``--trainers``, its trainer written to where nnU-Net finds it."""
        short = row.short_trainer(self.phantoms.settings)
        trainer = row.trainer if short is None else short.write(self.phantoms.demo.own_trainers)
        if not row.transferred:
            return trainer
        (source,) = (found for found in self._models(self._source, SOURCE.fold) if found.facts["seed"] == seed)
        return f"{trainer}:{source.fold / 'checkpoint_final.pth'}"

    def _models(self, out: Path, fold: int) -> Iterator[Trained]:
        if (out / RECORD).is_file():
            for facts in read_record(out).models.values():
                yield Trained(out / facts["folder"] / f"fold_{fold}", facts)

    def _step(self, name: str, target: Target, out: Path, trainers: Sequence[str], seed: int, *more: str | int) -> Step:
        iterations = self.phantoms.settings.iterations
        # batches in the training's own process repeat by the seed; a GPU waits for them, so there they have others
        workers = {"nnUNet_n_proc_DA": "0"} if self.device == "cpu" else {}
        folders = map(str, (plugin_path(), self.phantoms.demo.own_trainers, NNUNET_TRAINERS))
        return step(
            name, "nnunet-cipa", "benchmark", "run", target.dataset_id, "--trainers", *trainers, "--seeds", seed,
            "--folds", target.fold, "--iterations", iterations, "--device", self.device, "--jobs", self.jobs,
            "--out", out, *more,
            nnUNet_extTrainer=os.pathsep.join(folders),
            **workers,
        )  # fmt: skip


def _planned(row: Row) -> tuple[Target, str, str, int]:
    return row.target, row.plans, row.configuration, row.lengths


def _is(facts: dict[str, Any], row: Row, trainer: str, seed: int) -> bool:
    """Return whether a model of the benchmark is this row, of this trainer and with this seed."""
    mine = (trainer, row.plans, row.configuration, seed, "adapted" if row.transferred else "initial")
    return mine == (
        facts["trainer"], facts["plans"], facts["configuration"], facts["seed"], facts["start"]["source"]
    )  # fmt: skip
