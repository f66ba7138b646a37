"""Models: a trainer on plans and a configuration from given weights, and where its results are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cipa.benchmark.plan.entries import WeightSource
from nnunet_cipa.benchmark.plan.variants import TrainerVariant


@dataclass(frozen=True)
class Start:
    """What the weights are before training.

    Attributes
    ----------
    source : WeightSource
        Never ``AS_SET``, which was resolved.
    file : Path or None
        The encoder or checkpoint.
    sha256 : str
        Of the file.
    """

    source: WeightSource = WeightSource.INITIAL
    file: Path | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """A name for folders that differs between files of different content, empty for initial weights."""
        if self.file is None:
            return ""
        stem = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in self.file.stem[:40])
        return f"{self.source.value}-{stem}-{self.sha256[:8]}"


@dataclass(frozen=True)
class PlannedModel:
    """A model in nnU-Net's sense, trained from given weights; its folds are trained one by one.

    Attributes
    ----------
    title : str
        What a table calls it.
    variant : TrainerVariant
        The trainer at the benchmark's budget, with its seed.
    plans, configuration : str
        nnU-Net's.
    start : Start
        What the weights are before training.
    batch_size : int
        Samples of an iteration.
    patch_size : tuple of int
        Pixels or voxels of a sample's target.
    seed : int or None
        The seed of the training, that of the variant or of ``NNUNET_CIPA_SEED``.
    """

    title: str
    variant: TrainerVariant
    plans: str
    configuration: str
    start: Start
    batch_size: int
    patch_size: tuple[int, ...]
    seed: int | None = None

    @property
    def trainer(self) -> str:
        """The trainer's name."""
        return self.variant.trainer

    @property
    def trained_as(self) -> str:
        """The name after ``-tr``."""
        return self.variant.name

    @property
    def folder_name(self) -> str:
        """The name of its folder in nnUNet_results, as nnU-Net has it."""
        return f"{self.trained_as}__{self.plans}__{self.configuration}"

    @property
    def key(self) -> str:
        """A name that no other model of the benchmark has, fit for a folder."""
        return f"{self.folder_name}--{self.start.name}" if self.start.name else self.folder_name

    def results(self, out: Path) -> Path:
        """Return its nnUNet_results: one for all that start from initial weights, one for each other start."""
        return (out / "starts" / self.start.name if self.start.name else out) / "nnUNet_results"

    def pretrained(self, out: Path) -> Path | None:
        """Return the file for ``-pretrained_weights``, if there is one."""
        if self.start.source is WeightSource.ADAPTED:
            return out / "starts" / self.start.name / f"{self.folder_name}.pth"
        return self.start.file if self.start.source is WeightSource.CHECKPOINT else None

    def facts(self, out: Path, dataset: str) -> Mapping[str, Any]:
        """Return what the benchmark's record says of it; paths are relative to ``out``."""
        results = self.results(out)
        return {
            "title": self.title,
            "trainer": self.trainer,
            "trained_as": self.trained_as,
            "plans": self.plans,
            "configuration": self.configuration,
            "start": {
                "source": self.start.source.value,
                "file": None if self.start.file is None else str(self.start.file),
                "sha256": self.start.sha256,
            },
            "seed": self.seed,
            "batch_size": self.batch_size,
            "patch_size": list(self.patch_size),
            "nnUNet_results": results.relative_to(out).as_posix(),
            "folder": (results / dataset / self.folder_name).relative_to(out).as_posix(),
        }
