"""A cross-validation in nnU-Net's folders: small cases, and their truths, changed in known ways, as predictions."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from medpy.metric import binary

SPACING = (1.0, 1.5, 3.0)  # x, y, z in mm
SHAPE = (8, 24, 28)


def write_mask(path, mask, spacing=SPACING):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.asarray(mask, dtype=np.uint8))
    image.SetSpacing(spacing)
    sitk.WriteImage(image, path)


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def tumour(number, shape=SHAPE):
    """A box whose size and place differ from case to case."""
    mask = np.zeros(shape, dtype=bool)
    mask[2 : 5 + number % 3, 4 : 10 + number % 5, 5 : 12 + number % 7] = True
    return mask


def exact(mask, number):
    return mask


def shifted(mask, number):
    """A voxel along x, two in every third case."""
    return np.roll(mask, 1 + (number % 3 == 0), 2)


def missed(mask, number):
    """The first slice is lost; the whole lesion in every fourth case."""
    shorter = mask.copy()
    shorter[2] = False
    return shorter & (number % 4 != 0)


TRAINERS = {"exact": exact, "shifted": shifted, "missed": missed}


@dataclass
class CrossValidation:
    """Five folds of a few cases, and three models whose errors are known."""

    root: Path
    cases: int = 10
    folds: int = 5
    shape: tuple = SHAPE

    @property
    def dataset(self):
        return self.root / "nnUNet_raw" / "Dataset701_TEST"

    @property
    def splits(self):
        return self.dataset / "splits_final.json"

    @property
    def names(self):
        return [f"case{number:02d}" for number in range(self.cases)]

    def model(self, trainer):
        return self.root / "nnUNet_results" / self.dataset.name / f"{trainer}__nnUNetPlans__2d"

    def validation(self, trainer, fold):
        return self.model(trainer) / f"fold_{fold}" / "validation"

    def validated(self, fold):
        return self.names[fold :: self.folds]

    def truth(self, number):
        return tumour(number, self.shape)

    def write(self):
        write_json(
            self.dataset / "dataset.json",
            {
                "channel_names": {"0": "CT", "1": "PET"},
                "labels": {"background": 0, "tumour": 1},
                "numTraining": self.cases,
                "file_ending": ".nii.gz",
            },
        )
        for number, name in enumerate(self.names):
            noise = np.random.default_rng(number).normal(size=(2, *self.shape))
            for channel, level in enumerate((200, 5)):
                image = sitk.GetImageFromArray((noise[channel] + level * self.truth(number)).astype(np.float32))
                image.SetSpacing(SPACING)
                path = self.dataset / "imagesTr" / f"{name}_{channel:04d}.nii.gz"
                path.parent.mkdir(parents=True, exist_ok=True)
                sitk.WriteImage(image, path)
            write_mask(self.dataset / "labelsTr" / f"{name}.nii.gz", self.truth(number))
        self.write_splits([self.validated(fold) for fold in range(self.folds)])
        for trainer in TRAINERS:
            for fold in range(self.folds):
                self.write_fold(trainer, fold)
        return self

    def write_splits(self, validated, **changes):
        write_json(
            self.splits, [{"train": sorted(set(self.names) - set(fold)), "val": list(fold)} for fold in validated]
        )

    def write_fold(self, trainer, fold):
        """Write the predictions of a fold, and their Dice as MedPy finds it."""
        folder = self.validation(trainer, fold)
        entries = []
        for name in self.validated(fold):
            number = self.names.index(name)
            truth = self.truth(number)
            prediction = TRAINERS[trainer](truth, number)
            write_mask(folder / f"{name}.nii.gz", prediction)
            dice = binary.dc(prediction, truth)
            entries.append({"prediction_file": f"/x/{name}.nii.gz", "metrics": {"1": {"Dice": dice}}})
        write_json(folder / "summary.json", {"metric_per_case": entries})
