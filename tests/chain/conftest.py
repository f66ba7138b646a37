"""A phantom data set, planned and trained through nnU-Net's own commands, in processes of their own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from filelock import FileLock

from nnunet_cipa.plugin import plugin_path

DATASET_ID = 701
TRAINER = "nnUNetTrainerCIPA_short"
SECOND_TRAINER = "nnUNetTrainerCIPA_short_noCRM"
# What the converters say of the intensities, as arguments of the network.
STORED = {"offset": [-1.6, -1.6], "intensity_range": [[0.0, 3.2], [0.0, 3.2]]}


@dataclass
class Chain:
    """Runs commands with nnU-Net's folders under one directory.

    ``programs`` is the folder of the commands: the fixture of this name, or by default where pip installed them.
    """

    folder: Path
    programs: Path = Path(sys.executable).parent
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            self.environment[name] = str(self.folder / name)
        trainers = Path(__file__).parent / "short_trainers"
        self.environment["nnUNet_extTrainer"] = os.pathsep.join([str(plugin_path()), str(trainers)])
        self.environment["nnUNet_def_n_proc"] = "1"

    @property
    def stock(self):
        """The same folders with the commands as pip installed them."""
        return replace(self, programs=Path(sys.executable).parent)

    @property
    def variables(self):
        others = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
        return {**others, **self.environment}

    def command(self, program, *arguments):
        return [str(self.programs / program), *map(str, arguments)]

    def run(self, program, *arguments, **variables):
        """Run a command and return what it printed; the test fails if it does."""
        done = subprocess.run(
            self.command(program, *arguments),
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == 0, f"{program} {' '.join(map(str, arguments))}\n{done.stdout[-6000:]}"
        return done.stdout

    def train(self, fold, *options, trainer=TRAINER):
        """Run nnUNetv2_train on the CPU, its loader in the same process."""
        return self.run("nnUNetv2_train", *self.training(fold, *options, trainer=trainer), nnUNet_n_proc_DA="0")

    def training(self, fold, *options, trainer=TRAINER):
        return [DATASET_ID, "2d", fold, "-tr", trainer, "-device", "cpu", *options]

    @property
    def raw(self):
        (dataset,) = (self.folder / "nnUNet_raw").glob(f"Dataset{DATASET_ID}_*")
        return dataset

    def results(self, trainer=TRAINER):
        return self.folder / "nnUNet_results" / self.raw.name / f"{trainer}__nnUNetPlans__2d"

    def fold(self, fold, trainer=TRAINER):
        return self.results(trainer) / f"fold_{fold}"


@pytest.fixture(scope="session")
def planned(tmp_path_factory, programs):
    """Convert a phantom and plan it, once for all processes of the tests; each takes a copy."""
    base, folder = tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("chain")
    original = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "planned"
    with FileLock(f"{original}.lock"):
        if not original.exists():
            whole = tmp_path_factory.mktemp("whole")
            plan(Chain(whole, programs))
            whole.rename(original)
    shutil.copytree(original, folder, dirs_exist_ok=True)
    return Chain(folder, programs)


def plan(chain):
    phantom, options = chain.folder / "phantom", ("--patients", 7, "--size", 64, "--slices", 5, "--processes", 1)
    chain.run("nnunet-cipa", "phantom", "pclt20k", phantom, *options)
    chain.run("nnunet-cipa", "convert", "pclt20k", phantom, "--dataset-id", DATASET_ID, "--processes", 1)
    options = ("-c", "2d", "--verify_dataset_integrity", "-np", 1, "-npfp", 1)
    chain.stock.run("nnUNetv2_plan_and_preprocess", "-d", DATASET_ID, *options)
