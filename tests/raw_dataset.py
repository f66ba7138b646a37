"""Images and data sets in nnU-Net's raw format, written with SimpleITK and json alone, and fixtures that make them."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.nnunet.cases import CaseFiles

SPACING = (0.8, 1.25, 3.0)  # x, y, z in mm


def write_image(path, array, spacing=SPACING, origin=(5.0, -7.0, 11.0), direction=None):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, path)
    return path


@dataclass
class Dataset:
    """A data set in nnU-Net's raw format with a folder of predictions beside it."""

    root: Path
    channels: tuple = ("CT", "PET")
    description: dict = field(default_factory=dict)

    def __post_init__(self):
        self.description = {
            "channel_names": {str(index): "noNorm" for index in range(len(self.channels))},
            "modalities": {str(index): name for index, name in enumerate(self.channels)},
            "labels": {"background": 0, "tumour": 1},
            "file_ending": ".nii.gz",
            "numTraining": 1,
        }
        self.describe()

    @property
    def folder(self):
        return self.root / "Dataset701_TEST"

    @property
    def predictions(self):
        return self.root / "predictions"

    def describe(self, **changes):
        self.description |= changes
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "dataset.json").write_text(json.dumps(self.description))

    def add(self, name, truth, prediction=None, *, part="Ts", ct=None, pet=None, **geometry):
        """Write a case; CT and PET are ramps unless they are given."""
        ramp = np.arange(truth.size, dtype=np.float32).reshape(truth.shape)
        images = {"CT": ramp if ct is None else ct, "PET": -ramp if pet is None else pet}
        paths = {
            modality: write_image(
                self.folder / f"images{part}" / f"{name}_{index:04d}.nii.gz", images[modality], **geometry
            )
            for index, modality in enumerate(self.channels)
        }
        label = write_image(self.folder / f"labels{part}" / f"{name}.nii.gz", truth.astype(np.uint8), **geometry)
        predicted = None
        if prediction is not None:
            predicted = write_image(self.predictions / f"{name}.nii.gz", prediction.astype(np.uint8), **geometry)
        return CaseFiles(name, paths["CT"], paths["PET"], label, predicted)


@pytest.fixture
def write():
    return write_image


@pytest.fixture
def make_dataset(tmp_path):
    return lambda **options: Dataset(tmp_path / "nnunet", **options)


@pytest.fixture
def dataset(make_dataset):
    return make_dataset()
