"""Where SIM acts, and which of its branches: a short comparison, as in docs/performance.md.

python -m tests.measurements.sim_readings FOLDER [--seeds 0 1 2] [--iterations 20] [--trainers NAME ...]

On the demo's phantoms, fold 0, each of seven networks of the nano variant, or of those that ``--trainers`` names, is
trained for 10 epochs with each seed by ``nnunet-cipa benchmark run``, two at a time on a core each, and ``nnunet-cipa
benchmark report`` compares them. FOLDER keeps the trained models, and what is there is not trained again.
"""

import argparse
import os
from pathlib import Path

from nnunet_cipa.demo.folder import child_environment, prepare_folder
from nnunet_cipa.demo.layout import Demo, step
from nnunet_cipa.demo.options import DemoOptions
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.plugin import plugin_path
from tests.measurements.short import ShortTrainer

TRAINERS = (
    "nnUNetTrainerCIPA25D",
    "nnUNetTrainerCIPASIM",
    "nnUNetTrainerCIPASIM_input",
    "nnUNetTrainerCIPASIM_features",
    "nnUNetTrainerCIPASIM_noChannel",
    "nnUNetTrainerCIPASIM_noSpatial",
    "nnUNetTrainerCIPASIM_noRelation",
)
EPOCHS = 10


def main(folder, seeds, iterations, trainers):
    demo = Demo(folder.absolute(), DemoOptions(rows=()))
    if not demo.out.is_dir():
        prepare_folder(demo, overwrite=False)
    runner = StepRunner(demo.out / "logs", child_environment(os.environ, demo.variables))
    if not (demo.out / "benchmark").is_dir():
        for prepared in demo.steps()[:3]:
            runner.run(prepared)
    names = [ShortTrainer(trainer).write(demo.own_trainers) for trainer in trainers]
    variables = {
        "nnUNet_extTrainer": os.pathsep.join((str(plugin_path()), str(demo.own_trainers))),
        "nnUNet_n_proc_DA": "0",
        "OMP_NUM_THREADS": "1",
    }
    out = demo.out / "benchmark"
    runner.run(
        step(
            "benchmark", "nnunet-cipa", "benchmark", "run", 701, "--trainers", *names, "--seeds", *seeds, "--folds", 0,
            "--epochs", EPOCHS, "--iterations", iterations, "--jobs", 2, "--device", "cpu",
            "--out", out, **variables,
        )
    )  # fmt: skip
    report = ("--benchmark", out, "--out", demo.out / "report")
    runner.run(step("report", "nnunet-cipa", "benchmark", "report", 701, *report, **variables))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument(
        "--trainers", nargs="+", default=TRAINERS, choices=TRAINERS, metavar="NAME", help="some of the seven"
    )
    arguments = parser.parse_args()
    main(arguments.folder, arguments.seeds, arguments.iterations, arguments.trainers)
