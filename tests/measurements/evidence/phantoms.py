"""The breathing phantoms of the evidence: GTV as the source, IGTV as the target, and patients held out."""

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.demo.folder import child_environment, prepare_folder
from nnunet_cipa.demo.layout import Demo, step
from nnunet_cipa.demo.options import DemoOptions
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.evaluation import dice, dice_by_position, false_positive_ml, match_lesions, read_mask
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.files.volumes import Volume
from nnunet_cipa.nnunet.folders import SPLITS
from nnunet_cipa.processes.commands import Step
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.targets import GTV, IGTV, Target

# Cases of IGTV training patients on which a training on GTV is validated; nothing is chosen by them.
SOURCE_VALIDATION = 2
# What a folder was made with; written when it is whole.
SETTINGS = "evidence.json"
# No figure is of more digits than this, so that files of runs stay small.
DIGITS = 6


@dataclass(frozen=True)
class Phantoms:
    """The folder of the phantoms, of the data sets made of them and of the trainings."""

    folder: Path
    settings: Settings

    @classmethod
    def of_folder(cls, folder: Path) -> "Phantoms":
        """Return those that a folder was made with.

        Raises
        ------
        CIPAError
            If it has none.
        """
        return cls(folder, Settings.read(folder / SETTINGS))

    @property
    def demo(self) -> Demo:
        """Folders and variables as the demo has them."""
        return Demo(self.folder.absolute(), DemoOptions(seed=self.settings.phantom_seed, rows=()))

    def runner(self) -> StepRunner:
        """Return what runs commands in these folders, each in one process and thread, as several run at a time."""
        alone = {"nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
        return StepRunner(self.demo.out / "logs", child_environment(os.environ, {**self.demo.variables, **alone}))

    def prepare(self) -> None:
        """Make, convert and plan the phantoms, unless they are there.

        Raises
        ------
        CIPAError
            If a command fails, or the folder was made with other settings.
        """
        done = self.demo.out / SETTINGS
        if done.is_file():
            self.settings.check(done)
            return
        prepare_folder(self.demo, overwrite=True)
        runner = self.runner()
        phantom, *others = self._steps()
        runner.run(phantom)
        # All patients become cases with a mask; which are held out, the folds say.
        (self.demo.out / "phantom_lucid" / "test.txt").unlink()
        for following in others:
            runner.run(following)
        self._write_folds()
        write_json(done, {"settings": asdict(self.settings)})

    def _steps(self) -> tuple[Step, ...]:
        given, phantom = self.settings, self.demo.out / "phantom_lucid"
        drawn = ("--patients", given.patients, "--size", given.size, "--slices", given.slices)
        drawn += ("--slice-distance", given.slice_distance, "--seed", given.phantom_seed, "--format", "nifti")
        few = ("-gpu_memory_target", given.memory_gb)
        # in 3D a benchmark preprocesses what it needs
        both = (GTV.dataset_id, IGTV.dataset_id)
        plan = ("nnUNetv2_plan_and_preprocess", "-d", *both, "-c", "2d", *few, "-npfp", 1, "-np", 1)
        convert = ("nnunet-cipa", "convert", "lucid", phantom, "--processes", 1)
        res_enc = ("nnUNetv2_plan_experiment", "-d", IGTV.dataset_id, "-pl", "nnUNetPlannerResEncM", *few)
        return (
            step("phantom", "nnunet-cipa", "phantom", "lucid", phantom, *drawn),
            step("convert_gtv", *convert, *_named(GTV)),
            step("convert_igtv", *convert, *_named(IGTV), "--organs", "HEART"),
            step("plan", *plan),
            step("plan_resenc", *res_enc),
        )

    def raw(self, target: Target) -> Path:
        """Return the folder of a data set in nnUNet_raw."""
        return self.demo.out / "nnUNet_raw" / target.dataset

    def cases(self) -> list[str]:
        """Return the names of all cases, which are the same in both data sets; a patient is a case."""
        return sorted(path.name.removesuffix(".nii.gz") for path in (self.raw(IGTV) / "labelsTr").glob("*.nii.gz"))

    def held_out(self) -> list[str]:
        """Return the cases that no training sees."""
        return self.cases()[self.settings.source + self.settings.training :]

    def _write_folds(self) -> None:
        cases, given = self.cases(), self.settings
        source, training = cases[: given.source], cases[given.source : given.source + given.training]
        for target, folds in (
            (GTV, [(source, training[:SOURCE_VALIDATION]), (source, self.held_out())]),
            (IGTV, [(training, self.held_out())]),
        ):
            splits = [{"train": train, "val": validation} for train, validation in folds]
            write_json(self.demo.out / "nnUNet_preprocessed" / target.dataset / SPLITS, splits)

    def score(self, case: str, prediction: Path, target: Target = IGTV) -> dict[str, float | None]:
        """Return what a predicted mask of a held-out case scores; None for what is not defined.

        Returns
        -------
        dict
            dice, that of the first and last slices of lesions (ends) and of the others (between), ml that are predicted
            in the heart and are not tumour (heart_ml), ml of the target (truth_ml), of predicted lesions that touch
            none (false_ml) and of lesions that no prediction touches (missed_ml); the parts that are predicted of the
            GTV (gtv_part) and of what breathing adds to it (motion_part).
        """
        masks = {each: self._mask(each, case) for each in (GTV, IGTV)}
        truth, predicted = masks[target], read_mask(prediction)
        heart = read_mask(self.raw(IGTV) / "organsTr" / f"{case}_HEART.nii.gz")
        ends, between = dice_by_position(truth.array, predicted.array)
        lesions = match_lesions(truth.array, predicted.array)
        gtv, igtv = masks[GTV].array, masks[IGTV].array
        found = {
            "dice": dice(truth.array, predicted.array),
            "ends": ends,
            "between": between,
            "heart_ml": false_positive_ml(truth, predicted, heart),
            "truth_ml": float(truth.array.sum() * truth.voxel_ml),
            "false_ml": lesions.false_voxels * truth.voxel_ml,
            "missed_ml": lesions.missed_voxels * truth.voxel_ml,
            "gtv_part": _part(predicted.array, gtv),
            "motion_part": _part(predicted.array, igtv & ~gtv),
        }
        return {name: round(value, DIGITS) if value == value else None for name, value in found.items()}

    def ignoring_motion(self) -> dict[str, dict[str, Any]]:
        """Return for each held-out case what its GTV scores as a prediction of its IGTV, and its ml (gtv_ml)."""
        found = {}
        for case in self.held_out():
            gtv = self._mask(GTV, case)
            scores = self.score(case, self.raw(GTV) / "labelsTr" / f"{case}.nii.gz")
            found[case] = {**scores, "gtv_ml": round(float(gtv.array.sum() * gtv.voxel_ml), DIGITS)}
        return found

    def _mask(self, target: Target, case: str) -> Volume:
        return read_mask(self.raw(target) / "labelsTr" / f"{case}.nii.gz")


def _part(predicted: NDArray[np.bool_], region: NDArray[np.bool_]) -> float:
    """Return the part of a region that is predicted, NaN of an empty one."""
    return float(predicted[region].mean()) if region.any() else math.nan


def _named(target: Target) -> tuple[str | int, ...]:
    return "--dataset-id", target.dataset_id, "--name", target.roi, "--roi", target.roi
