"""The rows of the IGTV table: their commands, and the table on real files."""

import json
import shlex

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa import trainers
from nnunet_cipa.demo import ROWS, Demo, DemoOptions
from nnunet_cipa.demo.rows import data_steps, row_steps, row_training, table


@pytest.fixture
def demo(tmp_path):
    return Demo(tmp_path / "out", DemoOptions(size=64, seed=5))


def test_all_rows_are_trained_unless_told_otherwise():
    assert DemoOptions().rows == tuple(ROWS) == ("2d", "2d-transfer", "25d-transfer", "sim-transfer")


def test_igtv_phantom_is_made_converted_and_planned(demo):
    phantom, convert, plan = (step.line for step in data_steps(demo))
    folder = demo.out / "phantom_lucid"
    assert phantom == (
        f"nnunet-cipa phantom lucid {folder} --patients 20 --size 64 --slices 22 --slice-distance 8 --seed 5"
    )
    assert convert == f"nnunet-cipa convert lucid {folder} --dataset-id 702 --processes 1 --organs HEART"
    assert plan.startswith("nnUNetv2_plan_and_preprocess -d 702 -c 2d ")


def test_a_row_from_nothing_is_trained_predicted_and_evaluated(demo):
    steps = row_steps(demo, ROWS["2d"])
    assert [step.command[0] for step in steps] == ["nnUNetv2_train", "nnUNetv2_predict", "nnUNetv2_evaluate_folder"]
    assert "-pretrained_weights" not in steps[0].command


@pytest.mark.parametrize(
    ("row", "architecture"),
    [
        ("2d-transfer", {"variant": "nano"}),
        ("25d-transfer", {"variant": "nano", "slices": 3}),
        ("sim-transfer", {"variant": "nano", "slices": 3, "sim": "encoder"}),
    ],
)
def test_a_row_from_gtv_adapts_the_checkpoint_of_the_main_job_to_its_own_trainer(demo, row, architecture):
    adapt, train, predict, _ = row_steps(demo, ROWS[row])
    gtv = demo.out / "nnUNet_results/Dataset701_PCLT20K/nnUNetTrainerCIPA_demo__nnUNetPlans__2d/fold_0"
    source, adapted, *options = adapt.command[3:]
    assert source == str(gtv / "checkpoint_final.pth")
    assert options == ["--dataset-id", "702", "--trainer", ROWS[row].trainer]
    assert train.command[-2:] == ("-pretrained_weights", adapted)
    for step in (train, predict):
        assert step.command[step.command.index("-tr") + 1] == ROWS[row].trainer
    assert getattr(trainers, ROWS[row].trainer).architecture == architecture


def test_no_row_writes_where_another_does(demo):
    folders = [step.variables["nnUNet_results"] for row in ROWS.values() for step in row_steps(demo, row)
               if step.command[0] == "nnUNetv2_train"]  # fmt: skip
    assert len({*folders, demo.variables["nnUNet_results"]}) == 5
    assert len({row_training(demo, row).predictions for row in ROWS.values()}) == 4
    line = row_steps(demo, ROWS["2d"])[0].line
    assert f"nnUNet_results={folders[0]}" in shlex.split(line)


def test_table_has_the_dice_of_nnunet_that_of_the_ends_and_what_is_wrong_in_the_heart(demo):
    """Six voxels a slice in slices 1 to 4; the prediction misses half of the first and all of the last.

    Of its four voxels of 1 ml in slice 5, the heart has two.
    """
    truth = np.zeros((6, 4, 4), dtype=np.uint8)
    truth[1:5, 1:3, :3] = 1
    prediction = truth.copy()
    prediction[1, 1] = 0
    prediction[4] = 0
    prediction[5, 0] = 1
    heart = np.zeros_like(truth)
    heart[5, 0, :2] = 1
    heart[1:5] = truth[1:5]
    training = row_training(demo, ROWS["2d"])
    for folder, mask, endings in (
        (training.raw / "labelsTs", truth, ("",)),
        (training.raw / "imagesTs", truth, ("_0000", "_0001")),
        (training.raw / "organsTs", heart, ("_HEART",)),
        (training.predictions, prediction, ("",)),
    ):
        folder.mkdir(parents=True)
        image = sitk.GetImageFromArray(mask)
        image.SetSpacing((10, 10, 10))
        for ending in endings:
            sitk.WriteImage(image, folder / f"a{ending}.nii.gz")
    description = {"modalities": {"0": "CT", "1": "PET"}, "file_ending": ".nii.gz"}
    (training.raw / "dataset.json").write_text(json.dumps(description))
    entry = {"prediction_file": "a.nii.gz", "metrics": {"1": {"Dice": 0.625}}}
    (training.predictions / "summary.json").write_text(json.dumps({"metric_per_case": [entry]}))
    (row,) = table(demo, {"2d": 61.4}).rows
    assert row == ("2D, IGTV alone", "100", "5", "1", "0.625", f"{2 * 3 / 15:.3f}", "1.000", "2.00", "61")
