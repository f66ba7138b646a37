"""Pixels wider than the slices are apart, as in a usual PET grid: what the refusal tells to do is done."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from tests.chain.conftest import Chain
from tests.trainers.planning import plan_cipa

SPACING = (4.07, 4.07, 3.0)
SLICES = {f"P{number}": 8 + number for number in range(5)}


@pytest.fixture
def wide(tmp_path, programs):
    chain = Chain(tmp_path, programs)
    folder = tmp_path / "nnUNet_raw" / "Dataset701_Wide"
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for case, slices in SLICES.items():
        mask = np.zeros((slices, 40, 36), np.uint8)
        mask[2:6, 10:20, 12:22] = 1
        images = {f"imagesTr/{case}_{channel:04d}": rng.normal(size=mask.shape) + 3 * mask for channel in (0, 1)}
        for name, values in {**images, f"labelsTr/{case}": mask}.items():
            image = sitk.GetImageFromArray(values.astype(np.uint8 if values is mask else np.float32))
            image.SetSpacing(SPACING)
            sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    content = {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "GTV": 1},
        "numTraining": len(SLICES),
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return chain


def plans(chain, name):
    return json.loads((chain.folder / "nnUNet_preprocessed" / "Dataset701_Wide" / f"{name}.json").read_text())


@pytest.mark.slow
def test_the_remedy_keeps_every_slice_and_pixel(wide):
    wide.run("nnUNetv2_plan_and_preprocess", "-d", 701, "-c", "2d", "-npfp", 1, "-np", 1, "--no_pp")
    content = json.loads((wide.raw / "dataset.json").read_text())
    with pytest.raises(NotImplementedError, match="nnUNetv2_plan_and_preprocess") as refused:
        plan_cipa(plans(wide, "nnUNetPlans"), "2d", content, {})
    options = str(refused.value).split("nnUNetv2_plan_and_preprocess ")[1].split(",")[0].replace("ID", "701").split()
    assert options[-4:-2] == ["4.07", "4.07"]
    wide.run("nnUNetv2_plan_and_preprocess", *options, "-npfp", 1, "-np", 1)
    planned = plans(wide, "nnUNetPlansAxial")
    plan_cipa(planned, "2d", content, {})
    np.testing.assert_allclose(planned["configurations"]["2d"]["spacing"], SPACING[:2], rtol=1e-6)
    folder = wide.folder / "nnUNet_preprocessed" / "Dataset701_Wide" / "nnUNetPlansAxial_2d"
    cases = nnUNetDatasetBlosc2(str(folder))
    shapes = {case: cases.load_case(case)[0].shape for case in SLICES}
    assert shapes == {case: (2, slices, 40, 36) for case, slices in SLICES.items()}
