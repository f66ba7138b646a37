"""The folders of a demo and the commands that fill them."""

import os
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.variants import TrainerVariant
from nnunet_cipa.dataset_conversion.phantoms.pclt20k import spacing
from nnunet_cipa.demo.options import DemoOptions
from nnunet_cipa.demo.progress import TrainingStep
from nnunet_cipa.nnunet.folders import VARIABLES
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.processes.commands import Step
from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE

TRAINER = "nnUNetTrainerCIPA_demo"
DATASET = "Dataset701_PCLT20K"


@dataclass(frozen=True)
class DemoTraining:
    """One training on fold 0, then prediction and evaluation of the held-out cases.

    Attributes
    ----------
    demo : Demo
        Where it belongs to.
    dataset : str
        DatasetNNN_NAME.
    variant : TrainerVariant
        The trainer; one with a budget is written to ``own_trainers`` before its first step.
    results, predictions : Path
        nnUNet_results for it, and the folder of the predicted masks.
    name : str
        Put before the names of its steps.
    pretrained : Path or None
        A file for ``-pretrained_weights``.
    """

    demo: "Demo"
    dataset: str
    variant: TrainerVariant
    results: Path
    predictions: Path
    name: str = ""
    pretrained: Path | None = None

    @property
    def trainer(self) -> str:
        """As after ``-tr``."""
        return self.variant.name

    @property
    def budget(self) -> Budget:
        """How long it trains."""
        return self.variant.budget or length_of(self.trainer)

    @property
    def dataset_id(self) -> int:
        """NNN."""
        return int(self.dataset[7:10])

    @property
    def raw(self) -> Path:
        """The converted cases."""
        return self.demo.out / "nnUNet_raw" / self.dataset

    @property
    def model(self) -> Path:
        """The folder of the trained model."""
        return self.results / self.dataset / f"{self.trainer}__nnUNetPlans__2d"

    @property
    def checkpoint(self) -> Path:
        """What the training ends with."""
        return self.model / "fold_0" / "checkpoint_final.pth"

    @property
    def variables(self) -> Mapping[str, str]:
        """What its commands need beyond the demo's variables."""
        results = {} if self.results == self.demo.results else {"nnUNet_results": str(self.results)}
        if self.variant.budget is None:
            return results
        return results | {"nnUNet_extTrainer": f"{plugin_path()}{os.pathsep}{self.demo.own_trainers}"}

    def steps(self) -> tuple[Step, ...]:
        """Return the stock commands in their order."""
        how = ("-tr", self.trainer, "-device", self.demo.options.device)
        start = () if self.pretrained is None else ("-pretrained_weights", self.pretrained)
        return (
            # In the process of the training itself, the loader takes least time on few cores; planning fails with 0.
            TrainingStep(
                f"{self.name}train", command_words("nnUNetv2_train", self.dataset_id, "2d", 0, *how, *start),
                {**self.variables, "nnUNet_n_proc_DA": "0"}, self.budget.epochs,
            ),
            step(
                f"{self.name}predict", "nnUNetv2_predict", "-i", self.raw / "imagesTs", "-o", self.predictions, "-d",
                self.dataset_id, "-c", "2d", "-f", 0, *how, "-npp", 0, "-nps", 0, **self.variables,
            ),
            step(
                f"{self.name}evaluate", "nnUNetv2_evaluate_folder", self.raw / "labelsTs", self.predictions,
                "-djfile", self.model / "dataset.json", "-pfile", self.model / "plans.json", "-np", 1,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """The folders of a demo under ``out``, and the commands of the main job."""

    out: Path
    options: DemoOptions = field(default_factory=DemoOptions)

    @property
    def results(self) -> Path:
        """nnUNet_results of the main job."""
        return self.out / "nnUNet_results"

    @property
    def main(self) -> DemoTraining:
        """The training on the PCLT20K phantom."""
        return DemoTraining(self, DATASET, TrainerVariant(TRAINER), self.results, self.out / "predictions")

    @property
    def own_trainers(self) -> Path:
        """Folder of the trainers that the demo writes."""
        return self.out / "trainers"

    @property
    def baseline(self) -> DemoTraining:
        """nnU-Net's own network and training on the same cases, as long."""
        variant = TrainerVariant("nnUNetTrainer", length_of(TRAINER), self.options.seed)
        return DemoTraining(self, DATASET, variant, self.results, self.out / "predictions_nnunet", "nnunet_")

    @property
    def variables(self) -> dict[str, str]:
        """The variables that all commands need.

        The seed of the phantoms is that of the trainings too. Few processes, as each imports torch; no compiler;
        threads that sleep while they wait, as on cores that other programs use too, waiting awake takes twice the time;
        and an allocator (glibc's) that keeps freed memory, as what it returns to the system comes back page by page.
        """
        return {
            **{name: str(self.out / name) for name in VARIABLES},
            "nnUNet_extTrainer": str(plugin_path()),
            SEED_VARIABLE: str(self.options.seed),
            "nnUNet_def_n_proc": "2",
            "nnUNet_compile": "f",
            "OMP_WAIT_POLICY": "passive",
            "MALLOC_MMAP_THRESHOLD_": str(2**30),
            "MALLOC_TRIM_THRESHOLD_": str(2**34),
        }

    def data_steps(
        self, study: str, dataset_id: int, converting: tuple[str, ...] = (), **drawn: object
    ) -> tuple[Step, ...]:
        """Return the commands that make, convert and plan a phantom of one study.

        ``converting`` are further words for its conversion, ``drawn`` the options of the phantom.
        """
        phantom = self.out / f"phantom_{study}"
        options = [word for name, value in drawn.items() for word in (f"--{name.replace('_', '-')}", value)]
        return (
            step(f"phantom_{study}", "nnunet-cipa", "phantom", study, phantom, *options),
            step(
                f"convert_{study}", "nnunet-cipa", "convert", study, phantom, "--dataset-id", dataset_id,
                "--processes", 1, *converting,
            ),
            step(
                f"plan_{study}", "nnUNetv2_plan_and_preprocess", "-d", dataset_id, "-c", "2d",
                "--verify_dataset_integrity", "-npfp", 1, "-np", 1,
            ),
        )  # fmt: skip

    def steps(self) -> tuple[Step, ...]:
        """Return the stock commands of the main job in their order."""
        given = self.options
        voxel = (f"{side:.4g}" for side in spacing(given.size, given.slices))
        data = self.data_steps(
            "pclt20k", 701, ("--spacing", *voxel),
            patients=given.patients, size=given.size, slices=given.slices, seed=given.seed,
        )  # fmt: skip
        return (*data, *self.main.steps())


def step(name: str, *command: object, **variables: str) -> Step:
    """Make a step of a command's words, whatever their type."""
    return Step(name, command_words(*command), variables)


def command_words(*command: object) -> tuple[str, ...]:
    """Return the words of a command as text."""
    return tuple(str(word) for word in command)


def length_of(trainer: str) -> Budget:
    """Return how long one of our short trainers trains."""
    settings = ChainMap(*(vars(owner).get("settings", {}) for owner in getattr(trainers, trainer).__mro__))
    return Budget(settings["num_epochs"], settings["num_iterations_per_epoch"])
