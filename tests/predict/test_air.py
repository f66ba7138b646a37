"""A study with slices of air, predicted with and without them."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.trainers import air

EMPTY = 4


@pytest.fixture
def study(nifti_study, tmp_path):
    """A patient whose first slices are air in CT and PET."""
    (source, *_) = sorted(path for path in nifti_study.iterdir() if path.is_dir())
    folder = tmp_path / "study" / source.name
    shutil.copytree(source, folder)
    ct, pet = (sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in ("CT", "PET"))
    end = ct.TransformIndexToPhysicalPoint((0, 0, EMPTY + 1))[2]
    values = sitk.GetArrayFromImage(ct)
    values[:EMPTY] = -1000
    uptake = sitk.GetArrayFromImage(pet)
    uptake[[pet.TransformIndexToPhysicalPoint((0, 0, z))[2] < end for z in range(len(uptake))]] = 0
    for name, array, image in (("CT", values, ct), ("PET", uptake, pet)):
        changed = sitk.GetImageFromArray(array)
        changed.CopyInformation(image)
        sitk.WriteImage(changed, str(folder / f"{name}.nii.gz"))
    return folder.parent


def test_the_mask_is_the_same_and_air_is_not_predicted(study, make_model, tmp_path, monkeypatch):
    model = make_model(1.0, intensity_range={"0": [0.0, 3.2], "1": [0.0, 3.2]})
    plans = json.loads((model / "plans.json").read_text())
    for properties, lowest in zip(
        plans["foreground_intensity_properties_per_channel"].values(), (0.9, 0.05), strict=True
    ):
        properties["percentile_00_5"] = lowest
    (model / "plans.json").write_text(json.dumps(plans))
    left_out = []
    background = air._WithoutAir._background
    monkeypatch.setattr(air._WithoutAir, "_background", lambda self, x: left_out.append(x) or background(self, x))
    masks = []
    for skip in (False, True):
        options = PredictOptions(use=UseOptions(skip_air=skip))
        (outcome,) = predict_study(study, tmp_path / f"out_{skip}", model, options)
        assert outcome.failure == ""
        assert len(left_out) == (4 * EMPTY if skip else 0)  # each in four mirrored passes
        assert (
            json.loads((outcome.folder / "manifest.json").read_text())["decides"]["options"].get("skip_air", False)
            is skip
        )
        masks.append(sitk.GetArrayFromImage(sitk.ReadImage(str(outcome.folder / "mask.nii.gz"))))
    assert masks[0].any()
    np.testing.assert_array_equal(*masks)
