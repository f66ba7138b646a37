"""How well a network that reads three slices finds a tumour's first and last slices, as in docs/trainers.md.

python -m tests.measurements.slices_alone FOLDER [SEED ...] [--intensity raw]

For each seed, 0 to 2 if none is given, a SIM network of the nano variant is trained for 500 iterations on phantoms of
that seed, and segments the patients held out: whole, and in parts. With ``--intensity raw`` nnU-Net normalises, and its
zero is the mean. FOLDER keeps the trained models, and what is there is not trained again.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.variants import TrainerVariant
from nnunet_cipa.demo.folder import child_environment, prepare_folder
from nnunet_cipa.demo.layout import DATASET, Demo, DemoOptions, DemoTraining
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.plugin import plugin_path

TRAINER, BUDGET = "nnUNetTrainerCIPASIM_demo", Budget(10, 50)
SIDES = (112, 96, 64)


def train(out, seed, options, budget, intensity):
    demo = Demo(out.absolute(), options)
    training = DemoTraining(
        demo, DATASET, TrainerVariant(TRAINER, budget, seed), demo.results, demo.out / "predictions_sim"
    )
    if not training.checkpoint.is_file():
        prepare_folder(demo, overwrite=True)
        training.variant.write(demo.own_trainers)
        runner = StepRunner(demo.out / "logs", child_environment(os.environ, demo.variables))
        phantom, convert, plan, *_ = demo.steps()
        convert = replace(convert, command=(*convert.command, "--intensity", intensity))
        for step in (phantom, convert, plan, *training.steps()[:1]):
            runner.run(step)
    return training


def load(training):
    """Return the network, and preprocessed images (2, S, H, W) and masks (S, H, W) of the patients held out."""
    folders = [str(plugin_path()), str(training.demo.own_trainers)]
    os.environ["nnUNet_extTrainer"] = os.pathsep.join(folders)
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(training.model), (0,), "checkpoint_final.pth")
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    settings, plans = predictor.configuration_manager, predictor.plans_manager
    preprocessor = settings.preprocessor_class(verbose=False)
    cases = []
    for label in sorted((training.raw / "labelsTs").glob("*.nii.gz")):
        case = label.name.removesuffix(".nii.gz")
        files = [str(training.raw / "imagesTs" / f"{case}_{channel:04d}.nii.gz") for channel in (0, 1)]
        image, mask, _ = preprocessor.run_case(files, str(label), plans, settings, predictor.dataset_json)
        cases.append((torch.from_numpy(image).float(), mask[0] > 0))
    return predictor.network.eval(), cases


@torch.no_grad()
def segment(network, image):
    return network(image[None])[0].argmax(0).numpy() == 1


def slice_by_slice(network, image):
    return np.concatenate([segment(network, image[:, [index]]) for index in range(image.shape[1])])


def around(mask, side):
    """Return the rows and columns of a region of ``side`` pixels that holds the tumour, in the middle if it can be."""
    found = np.argwhere(mask.any(axis=0))
    middle = (found.min(axis=0) + found.max(axis=0) + 1) // 2
    first = np.clip(middle - side // 2, 0, np.subtract(mask.shape[1:], side))
    return tuple(slice(int(start), int(start) + side) for start in first)


def region_alone(network, image, mask, side):
    """Segment a region without the image around it; nnU-Net puts zeros there, up to the patch, on all sides alike."""
    rows, columns = around(mask, side)
    height, width = mask.shape[1:]
    before = [(whole - side) // 2 for whole in (width, height)]
    padding = (before[0], width - side - before[0], before[1], height - side - before[1])
    found = segment(network, torch.nn.functional.pad(image[..., rows, columns], padding))
    return found[:, before[1] : before[1] + side, before[0] : before[0] + side]


class Counts:
    """Voxels that are right, wrongly found and missed."""

    def __init__(self):
        self.right = self.wrong = self.missed = 0

    def add(self, found, mask):
        self.right += int((found & mask).sum())
        self.wrong += int((found & ~mask).sum())
        self.missed += int((~found & mask).sum())

    def __str__(self):
        dice = 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)
        return f"Dice {dice:.3f} (TP {self.right}, FP {self.wrong}, FN {self.missed})"


def of_like_area(masks, ends):
    """For each first and last slice, (case, slice), the slice between others of all cases with the nearest area."""
    areas = {(case, index): int(plane.sum()) for case, mask in enumerate(masks) for index, plane in enumerate(mask)}
    between = [place for place in areas if place not in ends]
    return [min(between, key=lambda place: abs(areas[place] - areas[end])) for end in ends]


def report(network, cases):
    masks = [mask for _, mask in cases]
    ends = [(case, index) for case, mask in enumerate(masks) for index in sorted({0, len(mask) - 1})]
    between = [(case, i) for case, mask in enumerate(masks) for i in range(len(mask)) if (case, i) not in ends]
    groups = {"first and last slices": ends, "slices between": between, "of like area": of_like_area(masks, ends)}
    whole = [segment(network, image) for image, _ in cases]
    for title, found in (
        ("whole case", whole),
        ("each slice alone", [slice_by_slice(network, image) for image, _ in cases]),
    ):
        for group, places in groups.items():
            counts = Counts()
            for case, index in places:
                counts.add(found[case][index], masks[case][index])
            print(f"  {title}, {group} ({len(places)}): {counts}")
    for side in SIDES:
        alone, within = Counts(), Counts()
        for (image, mask), found in zip(cases, whole, strict=True):
            place = (slice(None), *around(mask, side))
            alone.add(region_alone(network, image, mask, side), mask[place])
            within.add(found[place], mask[place])
        print(f"  region of {side} pixels alone: {alone}; in the whole image: {within}", flush=True)


def main(folder, seeds, intensity="paper", options=None, budget=BUDGET):
    for seed in seeds:
        chosen = options or DemoOptions(seed=seed)
        print(f"seed {seed}, {intensity} intensities", flush=True)
        report(*load(train(folder / f"{intensity}_{seed}", seed, chosen, budget, intensity)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seeds", type=int, nargs="*", default=range(3))
    parser.add_argument("--intensity", choices=("paper", "raw"), default="paper")
    given = parser.parse_args()
    main(given.folder, given.seeds, given.intensity)
