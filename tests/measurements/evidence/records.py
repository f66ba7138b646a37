"""The files of the evidence: one in JSON for each run, and one for the phantoms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnunet_cipa.files.json_files import read_object, write_json
from nnunet_cipa.nnunet.logs import read_curve
from nnunet_cipa.speed.machine import bench_versions, processor
from tests.measurements.evidence.phantoms import DIGITS, Phantoms
from tests.measurements.evidence.rows import ROWS, Row
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.training import Trained, Trainings

PHANTOMS = "phantoms.json"
Scores = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Run:
    """What the file of a run says.

    Attributes
    ----------
    row : str
        The row's name.
    seed : int
        Of the training.
    patients : dict
        Held-out case -> what it scores.
    training : dict
        Trainer, plans, batch, patch, seconds and so on.
    curve : list
        Of each epoch the iterations so far, and the Dice on random patches of the held-out cases.
    machine : dict
        Its processor and its GPU, None without one.
    """

    row: str
    seed: int
    patients: Scores
    training: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[tuple[int, float | None]] = ()
    machine: Mapping[str, str | None] = field(default_factory=dict)

    def scores(self, name: str) -> dict[str, float]:
        """Return a score of each case; NaN for what is not defined."""
        return {case: _number(found[name]) for case, found in self.patients.items()}

    def has(self, name: str) -> bool:
        """Return whether a score was computed, which those that came later were not for earlier files."""
        return all(name in found for found in self.patients.values())


def run_path(folder: Path, row: str, seed: int) -> Path:
    """Return the file of a run."""
    return folder / f"{row}_seed{seed}.json"


def write_run(folder: Path, trainings: Trainings, row: Row, seed: int, trained: Trained) -> None:
    """Score the held-out cases of a run and write its file."""
    phantoms, facts = trainings.phantoms, trained.facts
    given = phantoms.settings
    curve = read_curve(trained.fold)
    validation = trained.fold / "validation"
    content = {
        "row": row.name,
        "seed": seed,
        "settings": asdict(given),
        "training": {
            **{name: facts[name] for name in ("trainer", "plans", "configuration", "batch_size", "patch_size")},
            "starts_from": "GTV" if row.transferred else "initial weights",
            "iterations": row.lengths * given.epochs * given.iterations,
            # of the median epoch, as a training may have been paused
            "seconds": round(len(curve.epochs) * float(np.nanmedian([epoch.seconds for epoch in curve.epochs])), 1),
        },
        "curve": [
            [(epoch.number + 1) * given.iterations, _rounded(epoch.pseudo_dice)] for epoch in curve.epochs
        ],
        "patients": {
            case: phantoms.score(case, validation / f"{case}.nii.gz", row.target) for case in phantoms.held_out()
        },
        "machine": machine(trainings.device),
        "versions": bench_versions(),
    }  # fmt: skip
    write_json(run_path(folder, row.name, seed), content)


def write_phantoms(folder: Path, phantoms: Phantoms) -> None:
    """Write what the held-out patients are, and what their GTV scores as a prediction of their IGTV."""
    write_json(folder / PHANTOMS, {"settings": asdict(phantoms.settings), "patients": phantoms.ignoring_motion()})


def machine(device: str) -> dict[str, str | None]:
    """Return what a training on a device computes with; nothing names the machine."""
    return {"processor": processor(), "gpu": torch.cuda.get_device_name() if device == "cuda" else None}


def read_runs(folder: Path, settings: Settings) -> dict[str, list[Run]]:
    """Read the files of all runs: row -> its runs by seed, in the order of the rows.

    Raises
    ------
    CIPAError
        If one has other settings.
    """
    runs: dict[str, list[Run]] = {}
    for row in ROWS:
        for path in folder.glob(f"{row}_seed*.json"):
            settings.check(path)
            content = read_object(path)
            runs.setdefault(row, []).append(Run(**{each.name: content[each.name] for each in fields(Run)}))
    return {row: sorted(found, key=lambda run: run.seed) for row, found in runs.items()}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
