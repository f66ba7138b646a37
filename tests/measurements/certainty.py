"""Whether cases on which trainings disagree are predicted worse, as in docs/certainty.md.

python -m tests.measurements.certainty FOLDER [--seeds 0 1 2 3 4] [--patients 150] [--iterations 20]

Phantoms as of the demo: four fifths of them for training, a fifth held out. The nano variant is trained on fold 0 for
10 epochs with each seed by ``nnunet-cipa benchmark run``; each training predicts the validation cases of the fold and
the held-out ones. The seeds are the members. Prints the correlation of the expected Dice between members with the Dice
of their mean, that of the predicted volume, and what flagging does. FOLDER keeps the trained models, and what is there
is not trained again.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap, spearmanr

from nnunet_cipa.demo.folder import child_environment, prepare_folder
from nnunet_cipa.demo.layout import DATASET, Demo, step
from nnunet_cipa.demo.options import DemoOptions
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.evaluation import measure, read_mask
from nnunet_cipa.nnunet.splits import read_splits
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.predict.certainty import Members

TRAINER, EPOCHS = "nnUNetTrainerCIPA_demo", 10
PARTS = ("validation", "held_out")
THRESHOLDS, BAD = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9), 0.6


def predict_all(demo, seeds, iterations):
    """Train with each seed, and predict both parts with each; returns seed -> part -> folder of predictions."""
    runner = StepRunner(demo.out / "logs", child_environment(os.environ, demo.variables))
    benchmark, raw = demo.out / "benchmark", demo.main.raw
    if not benchmark.is_dir():
        for prepared in demo.steps()[:3]:
            runner.run(prepared)
    plugin = {"nnUNet_extTrainer": os.pathsep.join((str(plugin_path()), str(benchmark / "trainers")))}
    runner.run(
        step(
            "benchmark", "nnunet-cipa", "benchmark", "run", 701, "--trainers", TRAINER, "--seeds", *seeds, "--folds", 0,
            "--epochs", EPOCHS, "--iterations", iterations, "--device", "cpu", "--out", benchmark,
            nnUNet_n_proc_DA="0",
        )
    )  # fmt: skip
    images = {"validation": _link_validation(demo), "held_out": raw / "imagesTs"}
    found = {seed: {part: demo.out / f"seed_{seed}_{part}" for part in PARTS} for seed in seeds}
    for seed, folders in found.items():
        name = f"{TRAINER}_{EPOCHS}x{iterations}_seed{seed}"
        for part, out in folders.items():
            if len(list(out.glob("*.npz"))) < len(list(images[part].glob("*_0000.nii.gz"))):
                runner.run(
                    step(
                        out.name, "nnUNetv2_predict", "-i", images[part], "-o", out, "-d", 701, "-c", "2d", "-f", 0,
                        "-tr", name, "-device", "cpu", "-npp", 0, "-nps", 0, "--save_probabilities",
                        nnUNet_results=str(benchmark / "nnUNet_results"), **plugin,
                    )
                )  # fmt: skip
    return found


def _link_validation(demo):
    folder = demo.out / "validation_images"
    folder.mkdir(exist_ok=True)
    splits = demo.out / "nnUNet_preprocessed" / DATASET / "splits_final.json"
    for case in read_splits(splits, "start in a new folder")[0]["val"]:
        for source in (demo.main.raw / "imagesTr").glob(f"{case}_*.nii.gz"):
            link = folder / source.name
            if not link.exists():
                link.symlink_to(source)
    return folder


def compare(demo, folders, part):
    """Return the expected Dice between members, the Dice of their mean and its volume, (cases, 3)."""
    labels = demo.main.raw / ("labelsTr" if part == "validation" else "labelsTs")
    found = []
    for path in sorted(folders[0].glob("*.npz")):
        truth = read_mask(labels / f"{path.stem}.nii.gz")
        given = np.stack([1 - np.load(folder / path.name)["probabilities"][0] for folder in folders])
        members = Members(truth.array.shape)
        for number, probability in enumerate(given):
            members.add(f"seed {number}", probability)
        mask = given.mean(axis=0) > 0.5
        certainty = members.summarise(mask, truth.voxel_ml, 0.5)
        predicted = type(truth)(path, mask, truth.spacing, truth.origin, truth.direction)
        found.append((certainty.expected_dice, measure(truth, predicted).dice, mask.sum() * truth.voxel_ml))
    return np.array(found)


def tell(part, found):
    """Print the correlation with its interval, and what flagging does at several thresholds."""
    expected, true, volume = found.T
    interval = bootstrap(
        (expected, true), lambda *pair: spearmanr(*pair).statistic, paired=True, vectorized=False, n_resamples=1999,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    print(f"{part}: {len(found)} cases, Dice {true.mean():.3f} (lowest {true.min():.3f}), expected between members "
          f"{expected.mean():.3f}; Spearman {spearmanr(expected, true).statistic:.2f} "
          f"[{interval.low:.2f}, {interval.high:.2f}]; of the predicted volume "
          f"{spearmanr(volume, true).statistic:.2f}")  # fmt: skip
    bad = true < BAD
    for threshold in THRESHOLDS:
        flagged = expected < threshold
        means = [f"{true[those].mean():.3f}" if those.any() else "none" for those in (flagged, ~flagged)]
        print(f"  unsure below {threshold}: {flagged.sum()} flagged, Dice {means[0]}, others {means[1]}; of the "
              f"{bad.sum()} below {BAD} {(bad & flagged).sum()} are flagged")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--iterations", type=int, default=20)
    arguments = parser.parse_args()
    demo = Demo(arguments.folder.absolute(), DemoOptions(patients=arguments.patients, rows=()))
    if not demo.out.is_dir():
        prepare_folder(demo, overwrite=False)
    predictions = predict_all(demo, arguments.seeds, arguments.iterations)
    for part in PARTS:
        tell(part, compare(demo, [folders[part] for folders in predictions.values()], part))
